//! What computes: `cpu`, `cuda:N` or `auto`. A device that was asked for and is not there is an
//! error; only `auto` chooses, and says what and why.

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

#[cfg(feature = "cuda")]
use crate::engine::CudaExec;

/// What the configuration asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The CPU.
    Cpu,
    /// The CUDA device with this number.
    Cuda(usize),
    /// The first CUDA device where there is one, else the CPU.
    Auto,
}

/// The text is none of the three forms.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no device; give `cpu`, `cuda:N` (such as `cuda:0`) or `auto`")]
pub struct UnknownDevice {
    /// The text found.
    pub found: String,
}

impl FromStr for DeviceChoice {
    type Err = UnknownDevice;

    fn from_str(text: &str) -> Result<Self, UnknownDevice> {
        let unknown = || UnknownDevice { found: text.to_owned() };
        match text.split_once(':') {
            None if text == "cpu" => Ok(Self::Cpu),
            None if text == "auto" => Ok(Self::Auto),
            Some(("cuda", number)) => number.parse().map(Self::Cuda).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}

impl DeviceChoice {
    /// The kind of device, without its number.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda(_) => "cuda",
            Self::Auto => "auto",
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::Auto => f.write_str("auto"),
        }
    }
}

/// What was opened.
#[derive(Clone, Debug)]
pub enum Opened {
    /// The CPU.
    Cpu,
    /// A GPU, with our kernels on it.
    #[cfg(feature = "cuda")]
    Gpu(CudaExec),
}

/// An open device, and why it is this one.
#[derive(Clone, Debug)]
pub struct OpenDevice {
    /// The device.
    pub on: Opened,
    /// What was asked for.
    pub wanted: DeviceChoice,
    /// What was opened: [`DeviceChoice::Cpu`] or [`DeviceChoice::Cuda`].
    pub used: DeviceChoice,
    /// Why, in words.
    pub reason: String,
}

/// A device that was asked for is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}; {CURE}")]
pub struct NoDevice {
    why: String,
}

/// What helps this build.
const CURE: &str = if cfg!(feature = "cuda") {
    "see that `nvidia-smi` lists it for the user that runs enasd (driver loaded, /dev/nvidia* open, \
     `systemd/cuda.conf` for a service), or ask for `cpu` or `auto`"
} else {
    "build it with its default features, or ask for `cpu` or `auto`"
};

impl DeviceChoice {
    /// Opens the device; one that was asked for and is not there is an error.
    pub fn open(self) -> Result<OpenDevice, NoDevice> {
        let (on, used, reason) = match self {
            Self::Cpu => (Opened::Cpu, Self::Cpu, "as configured".to_owned()),
            Self::Cuda(number) => (open_cuda(number)?, self, "as configured".to_owned()),
            Self::Auto => match open_cuda(0) {
                Ok(on) => (on, Self::Cuda(0), "the first CUDA device answers".to_owned()),
                Err(NoDevice { why }) => (Opened::Cpu, Self::Cpu, format!("no CUDA device: {why}")),
            },
        };
        Ok(OpenDevice { on, wanted: self, used, reason })
    }

    /// Opens the device as [`DeviceChoice::open`] does. One that may be about to come up, as at
    /// boot, is waited for: `wait` is told why it is not there yet, waits a while and says whether
    /// to try again.
    pub fn open_patiently(self, wait: impl FnMut(&str) -> bool) -> Result<OpenDevice, NoDevice> {
        let may_come = match self {
            Self::Cpu => false,
            Self::Cuda(_) => cfg!(feature = "cuda"),
            // Without a card there is nothing to wait for.
            Self::Auto => cfg!(feature = "cuda") && has_nvidia_card(Path::new(PCI)),
        };
        if may_come { patiently(|| self.open(), wait) } else { self.open() }
    }
}

/// Opens until the device that was wanted most is there or `wait` gives up.
fn patiently(
    mut open: impl FnMut() -> Result<OpenDevice, NoDevice>,
    mut wait: impl FnMut(&str) -> bool,
) -> Result<OpenDevice, NoDevice> {
    loop {
        let opened = open();
        let why = match &opened {
            Ok(OpenDevice {
                wanted: DeviceChoice::Auto, used: DeviceChoice::Cpu, reason, ..
            }) => reason,
            Ok(_) => return opened,
            Err(NoDevice { why }) => why,
        };
        if !wait(why) {
            return opened;
        }
    }
}

#[cfg(feature = "cuda")]
fn open_cuda(number: usize) -> Result<Opened, NoDevice> {
    CudaExec::open(number).map(Opened::Gpu).map_err(|error| NoDevice { why: error.to_string() })
}

#[cfg(not(feature = "cuda"))]
fn open_cuda(_: usize) -> Result<Opened, NoDevice> {
    Err(NoDevice { why: "this enasd was built without CUDA".to_owned() })
}

/// The kernel's list of PCI devices, which is there before any driver.
const PCI: &str = "/sys/bus/pci/devices";

/// Whether a display or compute controller of NVIDIA is in the list at `pci`.
fn has_nvidia_card(pci: &Path) -> bool {
    let Ok(entries) = fs::read_dir(pci) else { return false };
    entries.flatten().any(|entry| {
        let starts = |file: &str, with: &str| {
            fs::read_to_string(entry.path().join(file)).is_ok_and(|text| text.starts_with(with))
        };
        starts("vendor", "0x10de") && starts("class", "0x03")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_read_back_and_others_are_refused() {
        for text in ["cpu", "auto", "cuda:0", "cuda:7"] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap().to_string(), text);
        }
        for text in ["", "gpu", "cuda", "cuda:", "cuda:x", "cpu:0", "CPU"] {
            assert!(text.parse::<DeviceChoice>().is_err(), "{text}");
        }
    }

    /// No machine has so many.
    #[test]
    fn a_device_that_is_not_there_is_an_error() {
        let error = DeviceChoice::Cuda(250).open().unwrap_err().to_string();
        assert!(error.contains("or ask for `cpu` or `auto`") && !error.contains('\n'), "{error}");
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn auto_says_why_it_takes_the_cpu() {
        let auto = DeviceChoice::Auto.open().unwrap();
        assert_eq!(auto.used, DeviceChoice::Cpu);
        assert!(auto.reason.contains("CUDA"), "{}", auto.reason);
    }

    fn opened(wanted: DeviceChoice, used: DeviceChoice) -> OpenDevice {
        OpenDevice { on: Opened::Cpu, wanted, used, reason: format!("found {used}") }
    }

    #[test]
    fn a_slow_driver_is_waited_for_by_number_and_by_auto() {
        use DeviceChoice::{Auto, Cpu, Cuda};
        let missing = || Err(NoDevice { why: "no driver".to_owned() });
        for (early, late) in [
            (missing as fn() -> _, opened(Cuda(0), Cuda(0))),
            (|| Ok(opened(Auto, Cpu)), opened(Auto, Cuda(0))),
        ] {
            let mut told = Vec::new();
            let mut tries = 0;
            let found = patiently(
                || {
                    tries += 1;
                    if tries < 3 { early() } else { Ok(late.clone()) }
                },
                |why| {
                    told.push(why.to_owned());
                    true
                },
            );
            assert_eq!(found.unwrap().used, Cuda(0));
            assert_eq!(told.len(), 2, "{told:?}");
        }
        // Patience ends with what there is.
        assert_eq!(patiently(|| Ok(opened(Auto, Cpu)), |_| false).unwrap().used, Cpu);
        assert!(patiently(missing, |_| false).is_err());
    }

    #[test]
    fn a_card_is_known_by_vendor_and_class() {
        let pci = tempfile::tempdir().unwrap();
        let add = |name: &str, vendor: &str, class: &str| {
            let device = pci.path().join(name);
            fs::create_dir(&device).unwrap();
            fs::write(device.join("vendor"), format!("{vendor}\n")).unwrap();
            fs::write(device.join("class"), format!("{class}\n")).unwrap();
        };
        assert!(!has_nvidia_card(&pci.path().join("none")));
        add("0000:00:01.0", "0x8086", "0x030000");
        add("0000:00:02.0", "0x10de", "0x040300");
        assert!(!has_nvidia_card(pci.path()), "a sound card of NVIDIA computes nothing");
        add("0000:00:03.0", "0x10de", "0x030200");
        assert!(has_nvidia_card(pci.path()));
    }
}
