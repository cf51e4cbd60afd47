//! Types, maps and helpers that the kernel offers to BPF programs.

use aya::{maps::MapType, sys::is_map_supported};
use tracego_common::Offsets;

use super::{CheckState, DoctorCheck, check, needed};
use crate::{
    btf::{BTF_PATH, Btf, BtfFile},
    error::LoadError,
    helpers::Helper,
    load::object::BpfObject,
};

/// Checks the kernel's types.
pub(super) fn btf() -> DoctorCheck {
    let blob = match BtfFile::open() {
        Ok(blob) => blob,
        Err(error) => return needed("BTF", Err(LoadError::NoBtf(error)), ""),
    };
    match Btf::parse(&blob) {
        Err(error) => needed("BTF", Err(error.into()), ""),
        Ok(btf) => {
            let (_, missing) = btf.offsets(&[]);
            let total = Offsets::FIELDS.len();
            let mut detail = format!("{BTF_PATH}, {} of {total} fields", total - missing.len());
            if !missing.is_empty() {
                detail =
                    format!("{detail}; missing in this version or configuration: {}", missing.join(", "));
            }
            check("BTF", CheckState::Ok, detail, "")
        }
    }
}

/// Checks the kind of map that events go through.
pub(super) fn ring_buffer() -> DoctorCheck {
    supported("ring buffer", is_map_supported(MapType::RingBuf).map_err(|e| e.to_string()))
}

fn supported(name: &str, found: Result<bool, String>) -> DoctorCheck {
    match found {
        Ok(true) => check(name, CheckState::Ok, "available", ""),
        Ok(false) => {
            check(name, CheckState::Missing, "not in this kernel", "mainline has it since Linux 5.8")
        }
        Err(error) => check(name, CheckState::Missing, format!("check failed: {error}"), "run as root"),
    }
}

/// Asks for each helper, and checks which object they allow. Returns the helpers that the kernel lacks.
pub(super) fn helpers(checks: &mut Vec<DoctorCheck>) -> Vec<Helper> {
    let mut missing = Vec::new();
    for helper in Helper::ALL {
        let name = helper.name();
        match helper.probe() {
            Ok(true) => checks.push(check(name, CheckState::Ok, "available", "")),
            Ok(false) => {
                let detail = format!("not in this kernel; for {}", helper.purpose());
                let remedy = format!("mainline has it since Linux {}", helper.since());
                checks.push(check(name, CheckState::Optional, detail, &remedy));
                missing.push(helper);
            }
            Err(error) => {
                let detail = format!("check failed: {error}");
                checks.push(check("helpers", CheckState::Missing, detail, "run as root"));
                return Vec::new();
            }
        }
    }
    checks.push(match BpfObject::here(&[]) {
        Ok(object) => {
            let bounds = object.bounds();
            match object.helper() {
                Some(helper) => {
                    let detail = format!("{}: {}", object.name(), helper.name());
                    check("BPF object", CheckState::Ok, detail, "")
                }
                None => {
                    let (detail, remedy) = (
                        format!("{}: {bounds}", object.name()),
                        "more is marked as truncated; a kernel with bpf_for_each_map_elem or bpf_loop has no such bounds",
                    );
                    check("BPF object", CheckState::Degraded, detail, remedy)
                }
            }
        }
        Err(error) => needed("BPF object", Err(error), ""),
    });
    missing
}
