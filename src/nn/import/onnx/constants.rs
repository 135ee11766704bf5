//! Values that are in the file: initialisers and outputs of `Constant`.
use super::{
    node::{Graph, Node},
    proto::{Tensor, TensorProto},
};
use crate::{nn::import::ImportError, text::quoted};
use std::{borrow::Cow, collections::BTreeMap};

/// Constants by name.
pub(super) struct Constants<'a> {
    tensors: BTreeMap<&'a str, Cow<'a, TensorProto>>,
    /// How many values may still be read. A constant may be used more than once, but not so often that
    /// layers are larger than the file.
    budget: usize,
}

impl<'a> Constants<'a> {
    /// Those of a graph and of some of its nodes; at most `budget` of their values are read.
    pub(super) fn new(
        graph: &'a Graph,
        nodes: &[&'a Node],
        budget: usize,
    ) -> Result<Self, ImportError> {
        let initializers = graph.initializers.iter();
        let mut tensors: BTreeMap<&str, Cow<'_, TensorProto>> = initializers
            .map(|tensor| (tensor.name.as_str(), Cow::Borrowed(tensor)))
            .collect();
        for node in nodes.iter().filter(|node| node.is("Constant")) {
            let [output] = node.output.as_slice() else {
                return Err(node.error("not one output"));
            };
            tensors.insert(output, Cow::Owned(node.tensor()?));
        }
        Ok(Self { tensors, budget })
    }

    /// The constant of this name.
    pub(super) fn find(&self, name: &str) -> Option<&TensorProto> {
        self.tensors.get(name).map(Cow::as_ref)
    }

    /// An input of a node that must be a constant of floats.
    pub(super) fn read(&mut self, node: &Node, name: &str) -> Result<Tensor, ImportError> {
        let (tensor, shown) = (self.due(node, name)?, quoted(name));
        let tensor = tensor.read();
        let tensor = tensor.map_err(|reason| node.error(format!("{shown}: {reason}")))?;
        self.spend(node, name, tensor.values.len())?;
        Ok(tensor)
    }

    /// An input of a node that must be a constant list of integers.
    pub(super) fn integers(&self, node: &Node, name: &str) -> Result<Vec<i64>, ImportError> {
        let list = self.due(node, name)?.integers();
        list.map_err(|reason| node.error(format!("{}: {reason}", quoted(name))))
    }

    fn due(&self, node: &Node, name: &str) -> Result<&TensorProto, ImportError> {
        let found = self.find(name);
        found.ok_or_else(|| node.error(format!("{} is no constant", quoted(name))))
    }

    fn spend(&mut self, node: &Node, name: &str, values: usize) -> Result<(), ImportError> {
        let rest = self.budget.checked_sub(values);
        self.budget = rest.ok_or_else(|| {
            let shown = quoted(name);
            node.error(format!(
                "{shown} is used too often: layers are larger than the file"
            ))
        })?;
        Ok(())
    }
}

impl Tensor {
    /// Columns and values, row-major, of a matrix.
    pub(super) fn matrix(self) -> Result<(usize, Vec<f64>), String> {
        match self.shape.as_slice() {
            // Not more columns than values.
            &[_, columns] if columns > 0 && !self.values.is_empty() => Ok((columns, self.values)),
            shape => Err(format!("has the shape {shape:?}, not a matrix's")),
        }
    }

    /// One value for each of `len` entries of dimension `dim` behind that of samples, of `dims`, which broadcasts
    /// over all others.
    pub(super) fn along(self, len: usize, dim: usize, dims: usize) -> Result<Vec<f64>, String> {
        let behind = dims.saturating_sub(dim).saturating_sub(1);
        let mut others = self.shape.iter().rev().enumerate();
        let is_along = others.all(|(k, n)| k == behind || *n == 1) && self.shape.len() <= dims + 1;
        match self.values.as_slice() {
            [value] if is_along => Ok(vec![*value; len]),
            values if is_along && values.len() == len => Ok(self.values),
            _ => {
                let shape = self.shape;
                Err(format!(
                    "has the shape {shape:?}, not that of {len} outputs"
                ))
            }
        }
    }
}
