//! The device: what was asked for, what computes, and the driver where one is needed.

use std::fs;

use crate::doctor::Finding;
use crate::doctor::patient::Patient;

const DEVICE: &str = "device";
const DRIVER: &str = "driver";

/// What every user of a GPU opens.
const NODES: [&str; 2] = ["/dev/nvidiactl", "/dev/nvidia-uvm"];

/// Where the driver says what it is.
const VERSION: &str = "/proc/driver/nvidia/version";

pub(super) fn check(patient: &Patient) -> Vec<Finding> {
    let configured = patient.setting("engine.device").and_then(|d| Some(d.as_str()?.to_owned()));
    let wanted = match &patient.status {
        Ok(status) => Some(status.device.wanted.clone()),
        Err(_) => configured,
    };
    let Some(wanted) = wanted else { return Vec::new() };
    let used = patient.status.as_ref().ok().map(|status| &status.device);
    let number = wanted.strip_prefix("cuda:");
    let mut findings = Vec::new();
    if number.is_some() && !cfg!(feature = "cuda") {
        findings.push(Finding::fail(
            DEVICE,
            format!("`{wanted}` is wanted, and this build has no CUDA"),
            "build enasd with its default features, or set `engine.device` to `cpu`",
        ));
    } else if wanted == "auto" && used.is_some_and(|device| device.used == "cpu") && has_nodes() {
        findings.push(Finding::warn(
            DEVICE,
            format!("there is a GPU, and the CPU computes: {}", reason(patient)),
            "look after the driver, or set `engine.device` to `cpu`",
        ));
    } else {
        findings.push(Finding::ok(
            DEVICE,
            match used {
                Some(device) => format!(
                    "{} ({wanted} wanted: {}), executor {}, {} threads",
                    device.used, device.reason, device.executor, device.threads
                ),
                None => format!("{wanted} is wanted"),
            },
        ));
    }
    match number {
        Some(number) => findings.push(driver(number)),
        None if wanted == "auto" && has_nodes() => findings.push(driver("0")),
        None => {}
    }
    findings
}

fn reason(patient: &Patient) -> String {
    patient.status.as_ref().map_or_else(|_| String::new(), |status| status.device.reason.clone())
}

fn has_nodes() -> bool {
    fs::metadata(NODES[0]).is_ok()
}

/// The driver, and the nodes of the GPU with this number.
fn driver(number: &str) -> Finding {
    let card = format!("/dev/nvidia{number}");
    let missing: Vec<&str> = NODES
        .into_iter()
        .chain([card.as_str()])
        .filter(|node| fs::metadata(node).is_err())
        .collect();
    let cure = "install NVIDIA's driver and see that `nvidia-smi` answers; a service needs \
                `DeviceAllow=` for the nodes";
    match fs::read_to_string(VERSION) {
        Err(err) => Finding::fail(DRIVER, format!("cannot read {VERSION}: {err}"), cure),
        Ok(_) if !missing.is_empty() => {
            Finding::fail(DRIVER, format!("there is no {}", missing.join(", ")), cure)
        }
        Ok(text) => Finding::ok(DRIVER, text.lines().next().unwrap_or_default().trim()),
    }
}
