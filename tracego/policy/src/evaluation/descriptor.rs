//! Passing of open descriptors through sockets.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

/// Number that accompanies a descriptor.
const NUMBER: usize = 4;

/// Sends a descriptor with a number.
pub(super) fn send(through: &UnixStream, descriptor: BorrowedFd<'_>, number: u32) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor];
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    let bytes = number.to_ne_bytes();
    sendmsg(through, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives a descriptor and its number.
///
/// # Errors
/// Fails if the other side has closed the socket, or does not send a descriptor in time.
pub(super) fn receive(from: &UnixStream) -> io::Result<(OwnedFd, u32)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; NUMBER];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(from, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags)?;
    let descriptor = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    let descriptor = descriptor.filter(|_| received.bytes == NUMBER);
    Ok((descriptor.ok_or(io::ErrorKind::UnexpectedEof)?, u32::from_ne_bytes(bytes)))
}
