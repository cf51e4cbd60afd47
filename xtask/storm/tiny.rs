//! The smallest program: it exits at once. Static and without a runtime, so that most of its life is work
//! that the kernel does for any process.
#![no_std]
#![no_main]

use core::arch::asm;

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    // SAFETY: exit_group(0) does not return.
    unsafe { asm!("syscall", in("rax") 231, in("rdi") 0, options(noreturn)) }
}
