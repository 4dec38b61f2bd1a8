//! Parameters by name: the one order that safetensors files, optimizers and norms follow.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Result, Tensor, Var};
use safetensors::SafeTensors;

use crate::net::Net;

/// Trainable variables by name. A `BTreeMap`, so that sums over parameters have one order.
#[derive(Clone, Debug, Default)]
pub struct Params {
    vars: BTreeMap<String, Var>,
}

/// A deep copy of parameters or optimizer state, as plain tensors that nobody changes.
pub type Snapshot = BTreeMap<String, Tensor>;

impl Params {
    /// Variables with the given values, on `device`. The values are copied.
    pub fn from_tensors(tensors: &Snapshot, device: &Device) -> Result<Self> {
        let vars = tensors.iter().map(|(name, tensor)| {
            Ok((name.clone(), Var::from_tensor(&tensor.to_device(device)?.copy()?)?))
        });
        Ok(Self { vars: vars.collect::<Result<_>>()? })
    }

    /// The variable `name`; an error names it where it is not there.
    pub fn get(&self, name: &str) -> Result<&Var> {
        match self.vars.get(name) {
            Some(var) => Ok(var),
            None => candle_core::bail!("there is no parameter `{name}`"),
        }
    }

    /// All variables, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.vars.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// How many variables there are.
    pub fn len(&self) -> usize {
        self.vars.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.vars.is_empty()
    }

    /// A deep copy: `Var::set` writes into storage that clones and detached tensors share. It
    /// holds nothing of the variables, which a copy that is not detached keeps for a gradient.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let copies = self
            .vars
            .iter()
            .map(|(name, var)| Ok((name.clone(), var.as_detached_tensor().copy()?)));
        copies.collect()
    }
}

/// The part of `tensors` that `net` reads; an error names what is not there.
pub fn part_of(net: &Net, tensors: &Snapshot) -> Result<Snapshot> {
    let names = net.params().into_keys();
    names
        .map(|name| match tensors.get(&name) {
            Some(tensor) => Ok((name, tensor.clone())),
            None => candle_core::bail!("there is no parameter `{name}`"),
        })
        .collect()
}

/// The bytes of a safetensors file that holds `tensors`.
pub fn to_safetensors(tensors: &Snapshot) -> Result<Vec<u8>> {
    let none: Option<std::collections::HashMap<String, String>> = None;
    let cpu: Snapshot = tensors
        .iter()
        .map(|(name, tensor)| Ok((name.clone(), tensor.to_device(&Device::Cpu)?.contiguous()?)))
        .collect::<Result<_>>()?;
    Ok(safetensors::serialize(cpu.iter().map(|(name, tensor)| (name.as_str(), tensor)), none)?)
}

/// Reads a safetensors file; `dtype` is what every tensor must have.
pub fn from_safetensors(bytes: &[u8], dtype: DType) -> Result<Snapshot> {
    let file = SafeTensors::deserialize(bytes)?;
    let mut tensors = Snapshot::new();
    for (name, view) in file.tensors() {
        use candle_core::safetensors::Load;
        let tensor = view.load(&Device::Cpu)?;
        if tensor.dtype() != dtype {
            candle_core::bail!("`{name}` holds {:?}, expected {dtype:?}", tensor.dtype());
        }
        tensors.insert(name, tensor);
    }
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_does_not_follow_later_changes() {
        let ones = Tensor::ones(3, DType::F32, &Device::Cpu).unwrap();
        let tensors = Snapshot::from([("w".to_owned(), ones.clone())]);
        let params = Params::from_tensors(&tensors, &Device::Cpu).unwrap();
        let before = params.snapshot().unwrap();
        params.get("w").unwrap().set(&(&ones * 2.0).unwrap()).unwrap();
        assert_eq!(before["w"].to_vec1::<f32>().unwrap(), [1.0; 3]);
        assert_eq!(ones.to_vec1::<f32>().unwrap(), [1.0; 3]);
        assert_eq!(params.get("w").unwrap().to_vec1::<f32>().unwrap(), [2.0; 3]);
        // Nor does it keep the variables alive, as what has a gradient by them does.
        let grads = before["w"].sum_all().unwrap().backward().unwrap();
        assert!(grads.get(params.get("w").unwrap()).is_none());
    }

    #[test]
    fn safetensors_read_back_bit_for_bit() {
        let values = Tensor::new(&[[0.1_f32, -0.0], [f32::MIN_POSITIVE, 3.5]], &Device::Cpu);
        let tensors = Snapshot::from([("a.b".to_owned(), values.unwrap())]);
        let bytes = to_safetensors(&tensors).unwrap();
        let back = from_safetensors(&bytes, DType::F32).unwrap();
        assert_eq!(to_safetensors(&back).unwrap(), bytes);
        assert!(from_safetensors(&bytes, DType::F64).is_err());
        assert!(from_safetensors(&bytes[..bytes.len() - 1], DType::F32).is_err());
    }
}
