//! Access to maps of the loaded object by name.

use aya::{
    Ebpf,
    maps::{Map, MapError},
};

use crate::error::LoadError;

/// Opens a map for reading.
///
/// # Errors
/// Fails if the object lacks it, or it has another type.
pub(crate) fn read<'a, M>(ebpf: &'a Ebpf, name: &'static str) -> Result<M, LoadError>
where
    M: TryFrom<&'a Map, Error = MapError>,
{
    let map = ebpf.map(name).ok_or(LoadError::Lacks(name))?;
    M::try_from(map).map_err(|error| LoadError::Map(name, error))
}

/// Opens a map for writing.
///
/// # Errors
/// Fails if the object lacks it, or it has another type.
pub(crate) fn write<'a, M>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<M, LoadError>
where
    M: TryFrom<&'a mut Map, Error = MapError>,
{
    let map = ebpf.map_mut(name).ok_or(LoadError::Lacks(name))?;
    M::try_from(map).map_err(|error| LoadError::Map(name, error))
}

/// Takes a map out of the object; possible once.
///
/// # Errors
/// Fails if the object lacks it, or it has another type.
pub(crate) fn take<M>(ebpf: &mut Ebpf, name: &'static str) -> Result<M, LoadError>
where
    M: TryFrom<Map, Error = MapError>,
{
    let map = ebpf.take_map(name).ok_or(LoadError::Lacks(name))?;
    M::try_from(map).map_err(|error| LoadError::Map(name, error))
}
