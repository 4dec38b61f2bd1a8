//! A child of the shared net in the stand-alone net's form, and that net with the child's weights:
//! one function (ENAS, the shared net of section 2.4 against its fixed one).

#![cfg(test)]

use candle_core::Tensor;

use super::{family_of, largest};
use crate::engine::cpu_exec::CpuExec;
use crate::engine::probe::{Batch, flat, in_f64, random_values};
use crate::engine::{CandleExec, Executor, Snapshot};
use crate::net::{Net, Norm, ParamSpec, SharedForm};
use crate::space::{Arch, CellKind, MicroSpace, N_CELL_INPUTS};

/// Three nodes; three loose ends of each cell, so that all cells are read by a convolution. Input 0
/// is loose where it reduces, and must be halved.
const ARCH: &str = "0 1 1 0 0 3 1 2 1 4 0 4  1 1 1 0 1 4 1 3 3 2 1 1";

/// The kinds of the cells of a net of two layers.
const KINDS: [CellKind; 4] =
    [CellKind::Reduction, CellKind::Reduction, CellKind::Normal, CellKind::Normal];

/// The cell whose output a parameter's columns belong to, if it is one of those that read a cell.
fn cell_read_by(name: &str) -> Option<usize> {
    let last = KINDS.len() - 1;
    if name == "head.weight" {
        return Some(last);
    }
    if name == "aux.conv0.weight" {
        return Some(2);
    }
    let (cell, reader) = name.strip_prefix("cell")?.split_once('.')?;
    let cell: usize = cell.parse().ok()?;
    let back = match reader.split('.').next()? {
        "calibrate0" if !reader.contains("norm") => 2,
        "calibrate1" if !reader.contains("norm") => 1,
        _ => return None,
    };
    cell.checked_sub(back)
}

/// The name in the child of a parameter of the net that stands alone, whose operations do not say
/// what they read.
fn name_in_child(name: &str, child: &Net) -> String {
    let is_same = |shared: &String| {
        let of_edge = shared.contains(".node");
        let parts = shared.split('.').filter(|part| !(of_edge && part.starts_with("from")));
        parts.collect::<Vec<_>>().join(".") == name
    };
    let found: Vec<String> = child.params().into_keys().filter(is_same).collect();
    assert_eq!(found.len(), 1, "{name}: {found:?}");
    found[0].clone()
}

/// Of what the child has for all nodes, the columns of the loose ends.
fn columns(weight: &Tensor, spec: &ParamSpec, loose: &[usize], n_nodes: usize) -> Tensor {
    let width = spec.dims[1] / loose.len();
    assert_eq!(weight.dims()[1], width * n_nodes);
    let own = loose.iter().map(|node| weight.narrow(1, node * width, width).unwrap());
    Tensor::cat(&own.collect::<Vec<_>>(), 1).unwrap()
}

#[test]
fn a_child_in_the_other_form_is_the_net_that_stands_alone_with_its_weights() {
    let family = family_of(SharedForm::StandAlone, 3, 4, [2, 11, 10]);
    let arch: Arch = ARCH.parse().unwrap();
    let cells = MicroSpace::cells(&arch).unwrap();
    let child = family.shared(&arch).unwrap();
    let alone = family.standalone(&arch).unwrap().normed(Norm::Batch);
    let shared = random_values(&child.params(), 3);
    let own: Snapshot = alone
        .params()
        .iter()
        .map(|(name, spec)| {
            let weight = &shared[&name_in_child(name, &child)];
            let weight = match cell_read_by(name) {
                None => weight.clone(),
                Some(cell) => {
                    let loose = cells[KINDS[cell] as usize].loose_ends();
                    assert_eq!(loose.len(), 3, "{arch}");
                    columns(weight, spec, &loose, N_CELL_INPUTS + 3)
                }
            };
            assert_eq!(weight.dims(), spec.dims, "{name}");
            (name.clone(), weight)
        })
        .collect();
    let batch = Batch::random(child.image, 9, 10, 3);
    let logits = |exec: &dyn Executor, net: &Net, values: &Snapshot| {
        flat(&exec.logits(net, values, batch.images().into(), None).unwrap())
    };
    let candle = CandleExec::in_f64();
    let [of_child, of_alone] = [(&child, &shared), (&alone, &own)]
        .map(|(net, values)| logits(&candle, net, &in_f64(values)));
    assert!(0.1 < largest(&of_child));
    for (a, b) in of_child.iter().zip(&of_alone) {
        assert!((a - b).abs() < 1e-12, "{a} against {b}");
    }
    let fast = CpuExec::new();
    let [of_child, of_alone] =
        [(&child, &shared), (&alone, &own)].map(|(net, values)| logits(&fast, net, values));
    for (a, b) in of_child.iter().zip(&of_alone) {
        assert!((a - b).abs() < 1e-5, "{a} against {b}");
    }
}
