//! Functions of networks.

use std::{collections::BTreeSet, net::IpAddr};

use regorus::Value;

use super::{Outcome, arg, limit, text};

/// Maximum number of addresses in a network that is expanded.
const ADDRESSES: u128 = 1 << 16;

/// Parses a network: an address, `/`, and the number of its first bits in decimal digits.
fn network(value: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = value.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let digits = !bits.is_empty() && bits.len() < 9 && bits.bytes().all(|byte| byte.is_ascii_digit());
    let bits = bits.parse().ok().filter(|bits| digits && *bits <= most)?;
    Some((address, bits))
}

pub(super) fn is_valid(args: &[Value]) -> Outcome {
    let valid = arg(args, 0).as_string().is_ok_and(|value| network(value).is_some());
    Ok(Value::from(valid))
}

/// Returns the set of all addresses of a network.
pub(super) fn expand(args: &[Value]) -> Outcome {
    let (address, bits) = network(text(args, 0)?).ok_or_else(|| anyhow::anyhow!("invalid CIDR address"))?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let count = 1_u128.checked_shl(whole - bits).filter(|count| *count <= ADDRESSES);
    let count = count.ok_or_else(|| limit(usize::MAX))?;
    let address = match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    let first = address & !(count - 1);
    let name = |number: u128| match u32::try_from(number) {
        Ok(number) if whole == 32 => IpAddr::from(number.to_be_bytes()),
        _ => IpAddr::from(number.to_be_bytes()),
    };
    let all: BTreeSet<Value> =
        (first..=first + (count - 1)).map(|number| Value::from(name(number).to_string())).collect();
    Ok(Value::from(all))
}
