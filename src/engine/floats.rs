//! The f32 numbers of a tensor in main memory, read and written in place.

use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Storage, Tensor, bail};

/// All numbers of a tensor, in their order.
pub(super) fn read<T>(tensor: &Tensor, read: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else { bail!("the tensor is not in main memory") };
    Ok(read(values(storage, layout)?))
}

/// Has `write` write all numbers of a contiguous tensor, and with it of all that share its memory.
pub(super) fn write(tensor: &Tensor, write: impl Fn(&mut [f32])) -> Result<()> {
    tensor.inplace_op1(&Write(write))
}

/// The same for a `write` that changes something else, too.
pub(super) fn write_with<T>(
    tensor: &Tensor,
    with: &mut T,
    write: impl Fn(&mut [f32], &mut T),
) -> Result<()> {
    let with = RefCell::new(with);
    self::write(tensor, |values| write(values, &mut with.borrow_mut()))
}

struct Write<F>(F);

impl<F: Fn(&mut [f32])> InplaceOp1 for Write<F> {
    fn name(&self) -> &'static str {
        "write"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        (self.0)(values_mut(storage, layout)?);
        Ok(())
    }
}

pub(super) fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let CpuStorage::F32(all) = storage else { bail!("expected f32") };
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&all[start..end]),
        None => bail!("expected contiguous numbers"),
    }
}

pub(super) fn values_mut<'a>(
    storage: &'a mut CpuStorage,
    layout: &Layout,
) -> Result<&'a mut [f32]> {
    let CpuStorage::F32(all) = storage else { bail!("expected f32") };
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&mut all[start..end]),
        None => bail!("expected contiguous numbers"),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    #[test]
    fn numbers_are_written_where_they_are_read() {
        let tensor = Tensor::new(&[[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]], &Device::Cpu).unwrap();
        write(&tensor, |values| values[1] = 7.0).unwrap();
        assert_eq!(read(&tensor, <[f32]>::to_vec).unwrap(), [1.0, 7.0, 3.0, 4.0, 5.0, 6.0]);
        let turned = tensor.t().unwrap();
        assert_eq!(read(&turned, <[f32]>::to_vec).unwrap(), [1.0, 4.0, 7.0, 5.0, 3.0, 6.0]);
        assert!(write(&turned, |_| ()).is_err(), "it is not contiguous");
        assert!(read(&tensor.to_dtype(DType::F64).unwrap(), <[f32]>::len).is_err());
    }
}
