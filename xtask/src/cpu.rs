//! The CPUs of guests.

/// A CPU that the emulator has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cpu {
    Amd64,
    Arm64,
}

impl Cpu {
    /// Returns the name that Debian has for it.
    pub(crate) fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// Returns the emulator and its package.
    pub(crate) fn emulator(self) -> (&'static str, &'static str) {
        match self {
            Self::Amd64 => ("qemu-system-x86_64", "qemu-system-x86"),
            Self::Arm64 => ("qemu-system-aarch64", "qemu-system-arm"),
        }
    }

    /// Returns the emulator's machine.
    pub(crate) fn machine(self) -> &'static [&'static str] {
        match self {
            // Five-level page tables only cost time here.
            Self::Amd64 => &["-cpu", "max,la57=off"],
            Self::Arm64 => &["-M", "virt", "-cpu", "cortex-a72"],
        }
    }

    /// Returns the emulator's device for the second serial line: `/dev/ttyS1` on amd64, `/dev/ttyS0` on arm64, whose
    /// machine has one line of its own.
    pub(crate) fn second_serial(self) -> &'static str {
        match self {
            Self::Amd64 => "isa-serial,chardev=said",
            Self::Arm64 => "pci-serial,chardev=said",
        }
    }

    /// Returns the name of the first serial line in the guest.
    pub(crate) fn console(self) -> &'static str {
        match self {
            Self::Amd64 => "ttyS0",
            Self::Arm64 => "ttyAMA0",
        }
    }
}
