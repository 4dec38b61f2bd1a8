//! What computes: `cpu`, `cuda:N` or `auto`. A device that was asked for and is not there is an
//! error; only `auto` chooses, and says what and why.

use std::fmt;
use std::str::FromStr;

use candle_core::{Device, Result};

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

    fn from_str(text: &str) -> std::result::Result<Self, UnknownDevice> {
        let unknown = || UnknownDevice { found: text.to_owned() };
        match text.split_once(':') {
            None if text == "cpu" => Ok(Self::Cpu),
            None if text == "auto" => Ok(Self::Auto),
            Some(("cuda", number)) => number.parse().map(Self::Cuda).map_err(|_| unknown()),
            _ => Err(unknown()),
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

/// An open device, and why it is this one.
#[derive(Clone, Debug)]
pub struct OpenDevice {
    /// The device.
    pub device: Device,
    /// What was asked for.
    pub wanted: DeviceChoice,
    /// What was opened: [`DeviceChoice::Cpu`] or [`DeviceChoice::Cuda`].
    pub used: DeviceChoice,
    /// Why, in words.
    pub reason: String,
}

impl DeviceChoice {
    /// Opens the device; one that was asked for and is not there is an error.
    pub fn open(self) -> Result<OpenDevice> {
        let (device, used, reason) = match self {
            Self::Cpu => (Device::Cpu, Self::Cpu, "as configured".to_owned()),
            Self::Cuda(number) => (Device::new_cuda(number)?, self, "as configured".to_owned()),
            Self::Auto => match Device::new_cuda(0) {
                Ok(device) => (device, Self::Cuda(0), "the first CUDA device answers".to_owned()),
                Err(error) => {
                    let first_line = error.to_string().lines().next().unwrap_or("").to_owned();
                    (Device::Cpu, Self::Cpu, format!("no CUDA device: {first_line}"))
                }
            },
        };
        Ok(OpenDevice { device, wanted: self, used, reason })
    }
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

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_device_that_is_not_there_is_an_error_and_auto_says_why() {
        assert!(DeviceChoice::Cuda(0).open().is_err());
        let auto = DeviceChoice::Auto.open().unwrap();
        assert_eq!(auto.used, DeviceChoice::Cpu);
        assert!(auto.reason.contains("CUDA"), "{}", auto.reason);
    }
}
