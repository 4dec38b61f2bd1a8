//! The one place that talks to a device: its driver is found when the program runs, and may be missing.
//!
//! Everything here is safe to call: memory is as long as it says, launches come from programs whose
//! reach was checked, and a device is used by one thread of a lease at a time.

#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::{CString, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cudarc::driver::result::{self, DriverError};
use cudarc::driver::sys;

use crate::engine::cuda_exec::ops::{Bases, REGIONS, THREADS, TICKETS};
use crate::engine::cuda_exec::program::Launch;

/// Why a device cannot be used, or failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpuError {
    /// There is no driver.
    #[error(
        "there is no NVIDIA driver: the dynamic loader finds no libcuda.so.1; install the driver, and \
         see that the library is where `ldconfig -p` lists it"
    )]
    NoDriver,
    /// There is no device of this number.
    #[error("the driver knows {count} devices, and none has the number {number}")]
    NoDevice {
        /// The number.
        number: usize,
        /// How many there are.
        count: usize,
    },
    /// Memory for so many bytes cannot be had.
    #[error("{wanted} bytes of the device's memory are wanted, and {free} are free")]
    OutOfMemory {
        /// How many are wanted.
        wanted: u64,
        /// How many are free, or within the limit.
        free: u64,
    },
    /// Steps that are to run side by side do not fit.
    #[error(
        "{needed} bytes of the device's memory are wanted for steps of batches of {images} images, and \
         {free} are free; {}",
        fitting(*fits)
    )]
    TooLarge {
        /// How many are wanted.
        needed: u64,
        /// How many are free, or within the limit.
        free: u64,
        /// The largest batch.
        images: usize,
        /// What such a batch might be; 0 where not even one image fits.
        fits: usize,
    },
    /// A call of the driver failed.
    #[error("{what} failed: {why}")]
    Driver {
        /// Which.
        what: &'static str,
        /// What the driver says.
        why: String,
    },
}

impl From<GpuError> for candle_core::Error {
    fn from(error: GpuError) -> Self {
        Self::wrap(error)
    }
}

fn fitting(images: usize) -> String {
    match images {
        0 => "not even batches of one image fit".to_owned(),
        _ => format!("batches of {images} fit"),
    }
}

fn failed(what: &'static str) -> impl Fn(DriverError) -> GpuError {
    move |error| {
        let name = error.error_name().map(|name| name.to_string_lossy().into_owned());
        GpuError::Driver { what, why: name.unwrap_or_else(|_| format!("error {:?}", error.0)) }
    }
}

/// A device with our kernels.
#[derive(Debug)]
pub(super) struct Gpu {
    device: sys::CUdevice,
    context: sys::CUcontext,
    module: sys::CUmodule,
    kernels: BTreeMap<String, Kernel>,
    name: String,
    /// Bytes that are taken here, and that may be.
    taken: AtomicU64,
    limit: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
struct Kernel {
    function: sys::CUfunction,
    /// Bytes of what it is told.
    told: usize,
}

// SAFETY: handles of the driver may be used from any thread once its context is current there, which
// every function here sees to.
unsafe impl Send for Gpu {}
// SAFETY: as above; nothing here changes.
unsafe impl Sync for Gpu {}

impl Gpu {
    /// Opens the device with this number, and loads `ptx` there.
    pub(super) fn open(number: usize, ptx: &str) -> Result<Arc<Self>, GpuError> {
        // What is linked with candle's kernels does not start without the library.
        #[cfg(not(feature = "candle-cuda"))]
        // SAFETY: it only looks whether the library opens.
        if !unsafe { sys::is_culib_present() } {
            return Err(GpuError::NoDriver);
        }
        result::init().map_err(failed("starting the driver"))?;
        let count = result::device::get_count().map_err(failed("counting devices"))?;
        let count = usize::try_from(count).unwrap_or(0);
        let ordinal = i32::try_from(number).ok().filter(|_| number < count);
        let ordinal = ordinal.ok_or(GpuError::NoDevice { number, count })?;
        let device = result::device::get(ordinal).map_err(failed("finding the device"))?;
        let name = result::device::get_name(device).map_err(failed("naming the device"))?;
        // SAFETY: the device was just found.
        let context = unsafe { result::primary_ctx::retain(device) };
        let context = context.map_err(failed("opening the device"))?;
        // SAFETY: the context was just made.
        unsafe { result::ctx::set_current(context) }.map_err(failed("using the device"))?;
        let image = CString::new(ptx).map_err(|_| GpuError::Driver {
            what: "loading the kernels",
            why: "their text has a zero in it".to_owned(),
        })?;
        // SAFETY: the text ends with a zero, and outlives the call.
        let module = unsafe { result::module::load_data(image.as_ptr().cast()) };
        let module = module.map_err(failed("loading the kernels"))?;
        let mut kernels = BTreeMap::new();
        for (name, told) in entries(ptx) {
            let c_name = CString::new(name).unwrap_or_default();
            // SAFETY: the module is loaded.
            let function = unsafe { result::module::get_function(module, c_name) };
            let function = function.map_err(failed("finding a kernel"))?;
            kernels.insert(name.to_owned(), Kernel { function, told });
        }
        let (taken, limit) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
        Ok(Arc::new(Self { device, context, module, kernels, name, taken, limit }))
    }

    /// Has no more than so many bytes taken from now on.
    pub(super) fn limit(&self, bytes: u64) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// Bytes that are taken.
    #[cfg(test)]
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Bytes that can still be taken.
    pub(super) fn free(&self) -> Result<u64, GpuError> {
        self.bind()?;
        let (free, _) = result::mem_get_info().map_err(failed("asking for free memory"))?;
        let taken = self.taken.load(Ordering::Relaxed);
        Ok((free as u64).min(self.limit.load(Ordering::Relaxed).saturating_sub(taken)))
    }

    /// The device's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn bind(&self) -> Result<(), GpuError> {
        // SAFETY: the context lives as long as this does.
        unsafe { result::ctx::set_current(self.context) }.map_err(failed("using the device"))
    }
}

impl Drop for Gpu {
    fn drop(&mut self) {
        if self.bind().is_ok() {
            // SAFETY: whoever used it holds it, so nobody does any more.
            unsafe {
                let _ = result::module::unload(self.module);
                let _ = result::primary_ctx::release(self.device);
            }
        }
    }
}

/// The kernels of a module, with the bytes of what each is told.
fn entries(ptx: &str) -> impl Iterator<Item = (&str, usize)> {
    ptx.split(".visible .entry ").skip(1).filter_map(|entry| {
        let (name, rest) = entry.split_once('(')?;
        let (params, _) = rest.split_once(')')?;
        let (_, len) = params.split_once('[')?;
        Some((name, len.split_once(']')?.0.parse().ok()?))
    })
}

/// Memory of a device, in f32 numbers.
#[derive(Debug)]
pub(super) struct Memory {
    gpu: Arc<Gpu>,
    start: sys::CUdeviceptr,
    floats: usize,
}

impl Memory {
    /// So many numbers, of which the first few are zeros and the others anything.
    pub(super) fn new(gpu: &Arc<Gpu>, floats: usize) -> Result<Self, GpuError> {
        gpu.bind()?;
        let bytes = 4 * floats.max(1);
        let wanted = bytes as u64;
        let most = gpu.limit.load(Ordering::Relaxed).saturating_sub(wanted);
        if most < gpu.taken.load(Ordering::Relaxed) {
            return Err(GpuError::OutOfMemory { wanted, free: gpu.free()? });
        }
        // SAFETY: what is taken is owned by what is returned.
        let start = unsafe { result::malloc_sync(bytes) }.map_err(|error| match error.0 {
            sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => {
                GpuError::OutOfMemory { wanted, free: gpu.free().unwrap_or(0) }
            }
            _ => failed("taking memory")(error),
        })?;
        gpu.taken.fetch_add(wanted, Ordering::Relaxed);
        let memory = Self { gpu: gpu.clone(), start, floats };
        // SAFETY: so many bytes were just taken.
        unsafe { result::memset_d8_sync(start, 0, bytes.min(4 * TICKETS)) }
            .map_err(failed("clearing memory"))?;
        // It may be queued, and our streams wait for no other.
        result::ctx::synchronize().map_err(failed("waiting for the device"))?;
        Ok(memory)
    }

    /// How many numbers there are.
    pub(super) fn len(&self) -> usize {
        self.floats
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.gpu.bind().is_ok() {
            // SAFETY: it was taken by `new`, and nobody else gives it back. What is queued that
            // uses it is over: freeing waits for the device.
            let _ = unsafe { result::free_sync(self.start) };
        }
        self.gpu.taken.fetch_sub(4 * self.floats.max(1) as u64, Ordering::Relaxed);
    }
}

/// A queue of work.
#[derive(Debug)]
pub(super) struct Stream {
    gpu: Arc<Gpu>,
    raw: sys::CUstream,
}

// SAFETY: as for `Gpu`.
unsafe impl Send for Stream {}

impl Stream {
    pub(super) fn new(gpu: &Arc<Gpu>) -> Result<Self, GpuError> {
        gpu.bind()?;
        let raw = result::stream::create(result::stream::StreamKind::NonBlocking)
            .map_err(failed("making a stream"))?;
        Ok(Self { gpu: gpu.clone(), raw })
    }

    /// Queues a copy of `from` to the start of `to`, and takes what is in `from` meanwhile.
    pub(super) fn upload(&self, from: &[f32], to: &Memory) -> Result<(), GpuError> {
        assert!(from.len() <= to.floats, "{} numbers go to {}", from.len(), to.floats);
        self.gpu.bind()?;
        // SAFETY: there is room, as was just seen; the driver has read pageable memory when it returns.
        unsafe { result::memcpy_htod_async(to.start, from, self.raw) }
            .map_err(failed("a copy to the device"))
    }

    /// Waits for all that is queued, and copies the numbers from `first` on to `to`.
    pub(super) fn download(
        &self,
        from: &Memory,
        first: usize,
        to: &mut [f32],
    ) -> Result<(), GpuError> {
        assert!(first + to.len() <= from.floats, "{} numbers come of {}", to.len(), from.floats);
        self.gpu.bind()?;
        let start = from.start + 4 * first as u64;
        // SAFETY: they are there, as was just seen; `to` is borrowed until the wait is over.
        unsafe { result::memcpy_dtoh_async(to, start, self.raw) }
            .map_err(failed("a copy from the device"))?;
        // SAFETY: the stream lives.
        unsafe { result::stream::synchronize(self.raw) }.map_err(failed("waiting for the device"))
    }

    /// Queues a launch over these regions.
    pub(super) fn launch(
        &self,
        launch: &Launch,
        regions: &[Memory; REGIONS],
    ) -> Result<(), GpuError> {
        let Some(kernel) = self.gpu.kernels.get(launch.kernel) else {
            let why = format!("there is no `{}`", launch.kernel);
            return Err(GpuError::Driver { what: "a launch", why });
        };
        assert_eq!(8 * launch.op.len(), kernel.told, "what {} is told", launch.kernel);
        self.gpu.bind()?;
        let mut op = launch.op.clone();
        let bases = Bases(regions.each_ref().map(|region| region.start));
        op[..REGIONS].copy_from_slice(&bases.0);
        let mut told = [op.as_mut_ptr().cast::<c_void>()];
        let ([x, y], threads) = (launch.grid, THREADS as u32);
        // SAFETY: the kernel takes one structure of these bytes, whose reach within the regions the
        // program has checked, and their lengths the lease.
        let launched = unsafe {
            result::launch_kernel(
                kernel.function,
                (x, y, 1),
                (threads, 1, 1),
                0,
                self.raw,
                &mut told,
            )
        };
        launched.map_err(failed("a launch"))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.gpu.bind().is_ok() && !self.raw.is_null() {
            // SAFETY: nobody else has it.
            unsafe {
                let _ = result::stream::synchronize(self.raw);
                let _ = result::stream::destroy(self.raw);
            }
        }
    }
}
