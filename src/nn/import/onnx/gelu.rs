//! GELU as old versions spell it: $x (1 + \mathrm{erf}(x / \sqrt 2)) / 2$.
use super::{
    constants::Constants,
    node::{Graph, Node},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    f64::consts::{FRAC_1_SQRT_2, SQRT_2},
};

/// Puts one node in place of each that ends such a formula. The others are left, and read by nothing.
pub(super) fn recognise(graph: &mut Graph) {
    for (place, gelu) in formulas(graph) {
        if let Some(node) = graph.nodes.get_mut(place) {
            *node = gelu;
        }
    }
}

/// Where formulas end, and what to put there.
fn formulas(graph: &Graph) -> Vec<(usize, Node)> {
    let is_constant = |node: &&Node| node.is("Constant");
    let nodes: Vec<&Node> = graph.nodes.iter().filter(is_constant).collect();
    // Where one cannot be read, that is an error later.
    let Ok(constants) = Constants::new(graph, &nodes, 0) else {
        return Vec::new();
    };
    let formulas = Formulas::new(graph, &constants);
    let starts = graph.nodes.iter().filter(|node| node.is("Erf"));
    starts.filter_map(|erf| formulas.at(erf)).collect()
}

struct Formulas<'a> {
    constants: &'a Constants<'a>,
    makers: BTreeMap<&'a str, &'a Node>,
    /// Nodes that alone read a value.
    readers: BTreeMap<&'a str, (usize, &'a Node)>,
}

impl<'a> Formulas<'a> {
    fn new(graph: &'a Graph, constants: &'a Constants<'a>) -> Self {
        let (mut makers, mut readers) = (BTreeMap::new(), BTreeMap::new());
        let outputs = graph.outputs.iter().map(|output| output.name.as_str());
        let mut several: BTreeSet<&str> = outputs.collect();
        for (place, node) in graph.nodes.iter().enumerate() {
            makers.extend(node.output.iter().map(|name| (name.as_str(), node)));
            for name in &node.input {
                if readers.insert(name.as_str(), (place, node)).is_some() {
                    several.insert(name);
                }
            }
        }
        readers.retain(|name, _| !several.contains(name));
        Self {
            constants,
            makers,
            readers,
        }
    }

    /// The node to put in place of another, for a formula with this error function.
    fn at(&self, erf: &'a Node) -> Option<(usize, Node)> {
        let scaled = self.makers.get(erf.input.first()?.as_str())?;
        let x = match scaled.op_type.as_str() {
            "Div" => self.by(scaled, "Div", SQRT_2),
            _ => self.by(scaled, "Mul", FRAC_1_SQRT_2),
        }?;
        let (_, sum) = self.reader(erf)?;
        self.by(sum, "Add", 1.0)?;
        let (mut place, mut last) = self.reader(sum)?;
        let mut open = vec![Factor::Half, Factor::X];
        let mut so_far = sum;
        loop {
            let other = self.other(last, so_far.output.first()?)?;
            let factors = self.factors(other, x)?;
            for factor in factors {
                open.remove(open.iter().position(|one| *one == factor)?);
            }
            if open.is_empty() {
                return Some((place, last.replaced("Gelu", x)));
            }
            so_far = last;
            (place, last) = self.reader(last)?;
        }
    }

    fn reader(&self, node: &Node) -> Option<(usize, &'a Node)> {
        self.readers.get(node.output.first()?.as_str()).copied()
    }

    /// What a product has beside this factor.
    fn other(&self, product: &'a Node, factor: &str) -> Option<&'a str> {
        match product.input.as_slice() {
            [a, b] if product.is("Mul") && a == factor => Some(b),
            [a, b] if product.is("Mul") && b == factor => Some(a),
            _ => None,
        }
    }

    /// What a value is made of.
    fn factors(&self, name: &str, x: &str) -> Option<Vec<Factor>> {
        if name == x {
            return Some(vec![Factor::X]);
        }
        if self.is(name, 0.5) {
            return Some(vec![Factor::Half]);
        }
        let half = self.by(self.makers.get(name)?, "Mul", 0.5)?;
        (half == x).then(|| vec![Factor::Half, Factor::X])
    }

    /// What a node combines with this constant.
    fn by(&self, node: &'a Node, operator: &str, constant: f64) -> Option<&'a str> {
        match node.input.as_slice() {
            _ if !node.is(operator) => None,
            [x, c] if self.is(c, constant) => Some(x),
            [c, x] if self.is(c, constant) && operator != "Div" => Some(x),
            _ => None,
        }
    }

    fn is(&self, name: &str, constant: f64) -> bool {
        let found = self.constants.find(name).and_then(|tensor| tensor.scalar());
        // Some programs have it in half precision.
        found.is_some_and(|x| (x - constant).abs() < 1e-3)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Factor {
    Half,
    X,
}
