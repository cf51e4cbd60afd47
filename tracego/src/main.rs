//! The `tracego` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
    static_names::use_built_in();
    tracego::cmd::main()
}

/// Names of hosts and users in a static program.
#[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
mod static_names {
    use std::ffi::{c_char, c_int};

    unsafe extern "C" {
        /// Sets the services of a database, instead of nsswitch.conf (glibc's nss.h).
        fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
    }

    /// Makes the C library look up names with its own code alone. The services that nsswitch.conf names are libraries of
    /// another C library, which a static program would load, and which may crash it.
    pub(super) fn use_built_in() {
        for (database, services) in [(c"hosts", c"files dns"), (c"passwd", c"files"), (c"group", c"files")] {
            // SAFETY: no other thread runs yet, and the texts live as long as the program.
            let set = unsafe { __nss_configure_lookup(database.as_ptr(), services.as_ptr()) };
            debug_assert_eq!(set, 0, "{database:?} is a database of the C library");
        }
    }
}
