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

/// A node of a cell: what it makes of two earlier states, each by an operation.
pub(super) struct CellNode {
    /// The two states, each with the place of its operation among those of the cell.
    pub(super) edges: [(usize, usize); 2],
    /// How both are combined.
    pub(super) join: &'static str,
    /// The sign of that.
    pub(super) sign: &'static str,
}

impl Vertex {
    /// A vertex of which nothing else is to be said.
    pub(super) fn new(name: &str, label: &str, role: VertexRole) -> Self {
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            role,
            op: None,
            join: "",
            note: "",
            caption: Vec::new(),
        }
    }
}

impl Sketch {
    /// A cell that reads the outputs of the two cells before it, and whose output joins the states
    /// `loose_ends`:
    ///
    /// ```text
    /// vertices  0, 1          the inputs h[k-2] and h[k-1]
    ///           2 … n+1       the nodes
    ///           n+2           the output: the loose ends, concatenated
    /// ```
    pub(super) fn of_cell(
        title: String,
        ops: &'static [&'static str],
        nodes: impl Iterator<Item = CellNode>,
        loose_ends: Vec<usize>,
    ) -> Self {
        let input = |name, label| Vertex::new(name, label, VertexRole::Input);
        let mut vertices = vec![input("0", "h[k-2]"), input("1", "h[k-1]")];
        let mut links = Vec::new();
        for CellNode { edges, join, sign } in nodes {
            let to = vertices.len();
            let [a, b] = edges.map(|(from, op)| format!("{}({from})", ops[op]));
            let (number, caption) = (to.to_string(), vec![a, format!("{sign} {b}")]);
            let node = Vertex::new(&number, &number, VertexRole::Node);
            vertices.push(Vertex { join, caption, ..node });
            links.extend(edges.map(|(from, op)| Link { from, to, op: Some(op as Choice) }));
        }
        let to = vertices.len();
        vertices.push(Vertex { join: "concat", ..Vertex::new("out", "h[k]", VertexRole::Output) });
        links.extend(loose_ends.into_iter().map(|from| Link { from, to, op: None }));
        Self { title, ops, vertices, links }
    }

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
