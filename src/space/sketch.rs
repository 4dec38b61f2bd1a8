//! A part of an architecture as drawings see it: a directed acyclic graph.

use crate::space::Choice;

/// One part of an architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    /// What the part is, as in `normal cell`.
    pub title: String,
    /// The names of the operations, short enough for a label.
    pub ops: &'static [&'static str],
    /// Every vertex after those that it reads: the inputs first, the output last.
    pub vertices: Vec<Vertex>,
    /// Every link, by the vertex that reads.
    pub links: Vec<Link>,
}

/// A vertex of a sketch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vertex {
    /// How captions refer to it.
    pub name: String,
    /// What is written on it.
    pub label: String,
    /// What it stands for.
    pub role: VertexRole,
    /// The operation that it is, where its links carry none.
    pub op: Option<Choice>,
    /// What it does with what it reads, as in `+` and `concat`; may be empty.
    pub join: &'static str,
    /// What else is to be said of it; may be empty.
    pub note: &'static str,
    /// What it computes, in pieces between which a line may be broken.
    pub caption: Vec<String>,
}

/// What a vertex stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VertexRole {
    /// What comes from outside.
    Input,
    /// What is computed.
    Node,
    /// What the part hands on.
    Output,
}

/// One arrow of a sketch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The vertex that is read.
    pub from: usize,
    /// The vertex that reads.
    pub to: usize,
    /// The operation on the way, if there is one.
    pub op: Option<Choice>,
}

impl Sketch {
    /// The output's vertex, the last.
    pub fn output(&self) -> usize {
        self.vertices.len() - 1
    }

    /// The vertices that `vertex` reads, in order, each once.
    pub fn reads(&self, vertex: usize) -> Vec<usize> {
        let mut reads: Vec<usize> =
            self.links.iter().filter(|link| link.to == vertex).map(|link| link.from).collect();
        reads.sort_unstable();
        reads.dedup();
        reads
    }

    /// How many vertices are inputs.
    pub fn n_inputs(&self) -> usize {
        self.vertices.iter().take_while(|vertex| vertex.role == VertexRole::Input).count()
    }

    /// For each vertex, the most links on a way from an input.
    pub fn depths(&self) -> Vec<usize> {
        let mut depths = vec![0; self.vertices.len()];
        for link in &self.links {
            depths[link.to] = depths[link.to].max(depths[link.from] + 1);
        }
        depths
    }

    /// Whether the operations are those of vertices, as in a net of layers, rather than those of
    /// links, as in a cell.
    pub fn is_layered(&self) -> bool {
        self.vertices.iter().any(|vertex| vertex.op.is_some())
    }
}

#[cfg(test)]
mod tests {
    use crate::space::Arch;

    #[test]
    fn the_output_of_a_cell_reads_the_loose_ends_and_is_the_deepest() {
        let arch: Arch = "0 0 1 1 0 2 2 3 1 4 1 0 1 1 2 2".parse().unwrap();
        let reduction = &arch.sketch()[1];
        assert_eq!(reduction.depths(), [0, 0, 1, 2, 3]);
        assert_eq!(reduction.reads(reduction.output()), [0, 3]);
        assert!(!reduction.is_layered());
    }

    #[test]
    fn a_layer_reads_what_it_skips_from_and_the_layer_before() {
        let text = "layers=[conv_3x3, conv_3x3, conv_3x3(stem), conv_3x3(1)]";
        let net = text.parse::<Arch>().unwrap().sketch().remove(0);
        assert_eq!([3, 4, 5].map(|vertex| net.reads(vertex)), [vec![0, 2], vec![2, 3], vec![4]]);
        assert_eq!((net.depths(), net.is_layered()), (vec![0, 1, 2, 3, 4, 5], true));
    }
}
