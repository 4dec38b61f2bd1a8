//! θ: the policy's parameters as plain numbers; also a gradient or a moment of the same shapes.
//!
//! | Parameter | Shape | At first |
//! |---|---|---|
//! | `lstm.weight` | `(2h, 4h)` | U(−0.1, 0.1) |
//! | `start.embedding` | `(h)` | U(−0.1, 0.1) |
//! | `attention.w1`, `attention.w2` | `(h, h)` | U(−0.1, 0.1) |
//! | `attention.v` | `(h)` | U(−0.1, 0.1) |
//! | `MENU.embedding` of each menu | `(options, h)` | U(−0.1, 0.1) |
//! | `MENU.weight` | `(h, options)` | U(−0.1, 0.1) |
//! | `MENU.bias`, where the authors have one | `(options)` | theirs, see `prior.rs` |

use candle_core::{DType, Device, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::engine::Snapshot;
use crate::search::SearchError;
use crate::search::prior::prior;
use crate::space::{Menu, Script};

/// All parameters but the biases start between minus this and this.
const INITIAL_RANGE: f64 = 0.1;

/// What gives θ its shapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Units of the LSTM, h.
    pub(super) hidden: usize,
    /// The menus that are picked from.
    pub(super) menus: Vec<&'static Menu>,
}

impl Layout {
    /// Of a policy with `hidden` units for `script`.
    pub(super) fn new(hidden: usize, script: &Script) -> Self {
        Self { hidden, menus: script.menus() }
    }

    /// The names and shapes, in the order of [`Theta::parts`].
    fn shapes(&self) -> Vec<(String, Vec<usize>)> {
        let hidden = self.hidden;
        let mut shapes = vec![
            ("lstm.weight".to_owned(), vec![2 * hidden, 4 * hidden]),
            ("start.embedding".to_owned(), vec![hidden]),
        ];
        for Menu { name, options } in &self.menus {
            shapes.push((format!("{name}.embedding"), vec![options.len(), hidden]));
            shapes.push((format!("{name}.weight"), vec![hidden, options.len()]));
        }
        shapes.push(("attention.w1".to_owned(), vec![hidden, hidden]));
        shapes.push(("attention.w2".to_owned(), vec![hidden, hidden]));
        shapes.push(("attention.v".to_owned(), vec![hidden]));
        let biased = self.menus.iter().filter(|menu| has_bias(menu));
        shapes.extend(biased.map(|menu| (format!("{}.bias", menu.name), vec![menu.options.len()])));
        shapes
    }
}

/// Whether θ has a bias for the options of `menu`.
fn has_bias(menu: &Menu) -> bool {
    !prior(menu).bias.is_empty()
}

/// One number for each of θ's, row by row; h is the number of hidden units.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Theta {
    /// What gave it its shapes.
    pub(super) layout: Layout,
    /// `(2h, 4h)`: what the gates i, f, o, g read of x, then of h.
    pub(super) lstm: Vec<f64>,
    /// `(h)`
    pub(super) start: Vec<f64>,
    /// Of each menu of the layout.
    pub(super) picks: Vec<PickTheta>,
    /// `(h, h)`
    pub(super) w1: Vec<f64>,
    /// `(h, h)`
    pub(super) w2: Vec<f64>,
    /// `(h)`
    pub(super) v: Vec<f64>,
}

/// The parameters of one menu.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PickTheta {
    /// `(options, h)`
    pub(super) embedding: Vec<f64>,
    /// `(h, options)`
    pub(super) weight: Vec<f64>,
    /// `(options)`, or nothing.
    pub(super) bias: Vec<f64>,
}

impl Theta {
    /// Zeros.
    pub(super) fn zeros(layout: &Layout) -> Self {
        let hidden = layout.hidden;
        let pick = |menu: &&Menu| PickTheta {
            embedding: vec![0.0; menu.options.len() * hidden],
            weight: vec![0.0; hidden * menu.options.len()],
            bias: vec![0.0; if has_bias(menu) { menu.options.len() } else { 0 }],
        };
        Self {
            layout: layout.clone(),
            lstm: vec![0.0; 2 * hidden * 4 * hidden],
            start: vec![0.0; hidden],
            picks: layout.menus.iter().map(pick).collect(),
            w1: vec![0.0; hidden * hidden],
            w2: vec![0.0; hidden * hidden],
            v: vec![0.0; hidden],
        }
    }

    /// The values at the start of a search: biases are the authors' or 0.
    pub(super) fn initial(layout: &Layout, with_prior: bool, rng: &mut ChaCha8Rng) -> Self {
        let mut theta = Self::zeros(layout);
        let n_biases = layout.menus.iter().filter(|menu| has_bias(menu)).count();
        let mut random = theta.parts_mut();
        random.truncate(random.len() - n_biases);
        for value in random.into_iter().flatten() {
            *value = INITIAL_RANGE * (2.0 * rng.random::<f64>() - 1.0);
        }
        for (pick, menu) in theta.picks.iter_mut().zip(&layout.menus).filter(|_| with_prior) {
            pick.bias.copy_from_slice(prior(menu).bias);
        }
        theta
    }

    /// h.
    pub(super) fn hidden(&self) -> usize {
        self.layout.hidden
    }

    /// The place of a menu of the script among those of the layout.
    pub(super) fn place_of(&self, menu: &Menu) -> usize {
        let place = self.layout.menus.iter().position(|known| known.name == menu.name);
        place.expect("θ is laid out for the menus of its script")
    }

    /// The embeddings of the start and of all options, menu by menu: `(1 + options, h)`.
    pub(super) fn embeddings(&self) -> Vec<f64> {
        let mut embeddings = self.start.clone();
        self.picks.iter().for_each(|pick| embeddings.extend_from_slice(&pick.embedding));
        embeddings
    }

    /// Where the options of the menu at `place` begin among the rows of [`Theta::embeddings`].
    pub(super) fn embedding_row(&self, place: usize) -> usize {
        1 + self.layout.menus[..place].iter().map(|menu| menu.options.len()).sum::<usize>()
    }

    /// The parameters, in the order in which initial values are drawn; biases come last.
    pub(super) fn parts(&self) -> Vec<&[f64]> {
        let Self { lstm, start, picks, w1, w2, v, .. } = self;
        let mut parts = vec![&lstm[..], &start[..]];
        for PickTheta { embedding, weight, .. } in picks {
            parts.extend([&embedding[..], &weight[..]]);
        }
        parts.extend([&w1[..], &w2[..], &v[..]]);
        parts.extend(picks.iter().map(|pick| &pick.bias[..]).filter(|bias| !bias.is_empty()));
        parts
    }

    /// The same, to be written.
    pub(super) fn parts_mut(&mut self) -> Vec<&mut [f64]> {
        let Self { lstm, start, picks, w1, w2, v, .. } = self;
        let (mut parts, mut biases) = (vec![&mut lstm[..], &mut start[..]], Vec::new());
        for PickTheta { embedding, weight, bias } in picks {
            parts.extend([&mut embedding[..], &mut weight[..]]);
            biases.push(&mut bias[..]);
        }
        parts.extend([&mut w1[..], &mut w2[..], &mut v[..]]);
        parts.extend(biases.into_iter().filter(|bias| !bias.is_empty()));
        parts
    }

    /// The numbers in `saved` whose names end with `suffix`, which is left off; or what is
    /// missing, not known, or of another shape.
    pub(super) fn from_snapshot(
        layout: &Layout,
        saved: &Snapshot,
        suffix: &str,
    ) -> Result<Self, SearchError> {
        let mut theta = Self::zeros(layout);
        let shapes = layout.shapes();
        for (part, (name, expected)) in theta.parts_mut().into_iter().zip(&shapes) {
            let name = format!("{name}{suffix}");
            let Some(found) = saved.get(&name) else {
                return Err(SearchError::MissingParameter { name });
            };
            if found.dims() != expected || found.dtype() != DType::F64 {
                return Err(SearchError::ParameterShape {
                    name,
                    found_dtype: found.dtype().as_str(),
                    found: found.dims().to_vec(),
                    expected: expected.clone(),
                });
            }
            part.copy_from_slice(&found.flatten_all()?.to_vec1()?);
        }
        let known = |name: &str| shapes.iter().any(|(known, _)| known == name);
        let names = saved.keys().filter_map(|name| name.strip_suffix(suffix));
        match { names }.find(|name| !known(name)) {
            Some(name) => Err(SearchError::UnknownParameter { name: format!("{name}{suffix}") }),
            None => Ok(theta),
        }
    }

    /// A copy as tensors, `suffix` after every name.
    pub(super) fn snapshot(&self, suffix: &str) -> Result<Snapshot, SearchError> {
        let tensors = self.parts().into_iter().zip(self.layout.shapes());
        tensors
            .map(|(part, (name, shape))| {
                Ok((format!("{name}{suffix}"), Tensor::from_slice(part, shape, &Device::Cpu)?))
            })
            .collect()
    }

    /// The ℓ2 norm of all numbers together.
    pub(super) fn norm(&self) -> f64 {
        let squares = |part: &[f64]| part.iter().map(|value| value * value).sum::<f64>();
        self.parts().into_iter().map(squares).sum::<f64>().sqrt()
    }

    /// Shortens all numbers together, whose norm is `norm`, to at most `limit`.
    pub(super) fn clip(&mut self, norm: f64, limit: f64) {
        if norm <= limit {
            return;
        }
        for part in self.parts_mut() {
            for value in part {
                *value *= limit / norm;
            }
        }
    }
}
