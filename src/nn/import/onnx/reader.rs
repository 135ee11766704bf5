//! From nodes to operators of a network.
use super::{
    constants::Constants,
    input,
    network::{Network, Value},
    node::{Graph, Node},
    operators::PADDED_MEAN,
    rearrange::Rearranging,
    structure,
    view::View,
    windows::windows,
};
use crate::{
    gkr::function::Function,
    nn::{
        import::{FloatModel, ImportError},
        op::{
            Activation, Add, AveragePool, GlobalAverage, MaxPool, Nonlinearity, Operator, Windows,
        },
    },
    text::quoted,
};
use std::collections::BTreeMap;

/// Reads the network that nodes are, in their order.
pub(super) fn read<'a>(
    graph: &'a Graph,
    nodes: &[&'a Node],
    constants: Constants<'a>,
) -> Result<FloatModel, ImportError> {
    // Old files name initialisers among the inputs, too.
    let inputs = graph.inputs.iter();
    let inputs: Vec<_> = inputs
        .filter(|input| constants.find(&input.name).is_none())
        .collect();
    let (&[input], [output]) = (inputs.as_slice(), graph.outputs.as_slice()) else {
        let (inputs, outputs) = (inputs.len(), graph.outputs.len());
        let reason = format!("{inputs} inputs and {outputs} outputs, not one of each");
        return Err(structure("the graph", reason));
    };
    let (samples, lens) = input::shape(input)?;
    let rearranging = Rearranging {
        constants: &constants,
        samples,
    };
    let view = input::view(input, &lens, nodes, rearranging)?;
    let mut reader = Reader {
        constants,
        samples,
        uses: BTreeMap::from([(output.name.as_str(), 1)]),
        values: BTreeMap::new(),
        network: Network::new(view.axes_shape()),
    };
    for name in nodes.iter().flat_map(|node| &node.input) {
        *reader.uses.entry(name).or_insert(0) += 1;
    }
    reader.values.insert(&input.name, Traced::new(0, view));
    for node in nodes.iter().filter(|node| !node.is("Constant")) {
        let first = node.output.first().filter(|output| !output.is_empty());
        let name = first.ok_or_else(|| node.error("it has no output"))?;
        let value = reader.node(node)?;
        reader.values.insert(name, value);
    }
    reader.finish(&output.name)
}

/// A value of the file.
#[derive(Debug, Clone)]
pub(super) struct Traced {
    pub(super) value: Value,
    pub(super) view: View,
    /// The layer that makes it, where nothing else reads that: what is done to it can become a part of the layer.
    pub(super) layer: Option<usize>,
    /// Whether it is probabilities of classes, whose scores the network ends in.
    pub(super) is_end: bool,
}

impl Traced {
    pub(super) fn new(value: Value, view: View) -> Self {
        Self {
            value,
            view,
            layer: None,
            is_end: false,
        }
    }
}

/// What is read so far.
pub(super) struct Reader<'a> {
    pub(super) constants: Constants<'a>,
    samples: Option<i64>,
    /// How many times each value is read.
    uses: BTreeMap<&'a str, usize>,
    pub(super) values: BTreeMap<&'a str, Traced>,
    pub(super) network: Network,
}

impl Reader<'_> {
    fn node(&mut self, node: &Node) -> Result<Traced, ImportError> {
        match node.op_type.as_str() {
            "Gemm" => self.gemm(node),
            "MatMul" => self.matmul(node),
            "Conv" => self.convolution(node),
            "BatchNormalization" => self.normalization(node),
            "Add" => self.add(node),
            "AveragePool" => self.pool(node, |windows| Operator::new(AveragePool { windows })),
            "MaxPool" => self.pool(node, |windows| Operator::new(MaxPool { windows })),
            "GlobalAveragePool" => self.global_average(node),
            "Relu" => self.activation(node, Nonlinearity::Relu),
            "Tanh" => self.activation(node, Nonlinearity::Smooth(Function::Tanh)),
            "Sigmoid" => self.activation(node, Nonlinearity::Smooth(Function::Sigmoid)),
            "Gelu" => self.activation(node, Nonlinearity::Smooth(Function::Gelu)),
            "Softmax" | "LogSoftmax" => self.softmax(node),
            _ => self.rearrange(node),
        }
    }

    /// A value that a node reads.
    fn value(&self, node: &Node, name: &str) -> Result<Traced, ImportError> {
        let Some(found) = self.values.get(name) else {
            return Err(node.error(match self.constants.find(name) {
                Some(_) => "the activations must be its first input".to_owned(),
                None => format!("it reads {}, which no node before it makes", quoted(name)),
            }));
        };
        let mut found = found.clone();
        if self.uses.get(name).is_none_or(|uses| *uses > 1) {
            found.layer = None;
        }
        Ok(found)
    }

    /// The first input of a node that does something.
    pub(super) fn first(&self, node: &Node) -> Result<Traced, ImportError> {
        let name = node.input.first().ok_or_else(|| node.error("no input"))?;
        let value = self.value(node, name)?;
        self.continued(node, value)
    }

    fn continued(&self, node: &Node, value: Traced) -> Result<Traced, ImportError> {
        match value.is_end {
            false => Ok(value),
            true => Err(node.error("a softmax before it: only as the last one it is supported")),
        }
    }

    /// The only input.
    fn only(&self, node: &Node) -> Result<Traced, ImportError> {
        match node.input.as_slice() {
            [_] => self.first(node),
            _ => Err(node.error("not one input")),
        }
    }

    fn rearrange(&self, node: &Node) -> Result<Traced, ImportError> {
        match (node.op_type.as_str(), node.input.as_slice()) {
            ("Dropout", _) => self.dropout(node)?,
            ("Reshape" | "Squeeze" | "Unsqueeze", _) | (_, [_]) => {}
            _ => return Err(node.error("not one input")),
        }
        let name = node.input.first().ok_or_else(|| node.error("no input"))?;
        let mut value = self.value(node, name)?;
        let rearranging = Rearranging {
            constants: &self.constants,
            samples: self.samples,
        };
        let view = rearranging.view(node, &value.view)?;
        value.view = view.ok_or_else(|| node.error("it is not supported"))?;
        Ok(value)
    }

    /// Nothing, unless it is in training mode: its third input, where there is one, must be false.
    fn dropout(&self, node: &Node) -> Result<(), ImportError> {
        match node.input.get(2).filter(|name| !name.is_empty()) {
            None => Ok(()),
            Some(name) => match self.constants.find(name) {
                Some(mode) if mode.is_false() => Ok(()),
                _ => Err(node.error(
                    "it may be in training mode and drop values at random: export the network for \
                     inference",
                )),
            },
        }
    }

    /// A bias of a layer, or the sum of two values.
    fn add(&mut self, node: &Node) -> Result<Traced, ImportError> {
        let [first, second] = node.input.as_slice() else {
            return Err(node.error("not two inputs"));
        };
        for (name, constant) in [(first, second), (second, first)] {
            if !self.values.contains_key(constant.as_str())
                && self.constants.find(constant).is_some()
            {
                let input = self.value(node, name)?;
                let input = self.continued(node, input)?;
                return self.shift(node, input, constant);
            }
        }
        let [first, second] = [self.value(node, first)?, self.value(node, second)?];
        let [first, second] = [self.continued(node, first)?, self.continued(node, second)?];
        if !first.view.is_like(&second.view) {
            return Err(node.error(format!(
                "it adds samples of the shapes {:?} and {:?}: they must be of one shape, and turned alike",
                first.view.shape(),
                second.view.shape()
            )));
        }
        let operator = Operator::new(Add);
        let value = self
            .network
            .push(node, operator, &[first.value, second.value])?;
        Ok(Traced::new(value, first.view))
    }

    fn pool(
        &mut self,
        node: &Node,
        operator: fn(Windows) -> Operator,
    ) -> Result<Traced, ImportError> {
        let (input, [height, width, _]) = self.image(node)?;
        let windows = windows(node, None, [height, width])?;
        let is_padded = [windows.before, windows.behind] != [[0; 2]; 2];
        if is_padded && node.is("AveragePool") && node.integer("count_include_pad", 0)? == 0 {
            return Err(node.error(PADDED_MEAN));
        }
        let value = self.network.push(node, operator(windows), &[input.value])?;
        Ok(Traced::new(value, View::image(self.network.image(value))))
    }

    fn global_average(&mut self, node: &Node) -> Result<Traced, ImportError> {
        let (input, [height, width, channels]) = self.image(node)?;
        if (height, width) == (1, 1) {
            return Ok(input);
        }
        let operator = Operator::new(GlobalAverage);
        let value = self.network.push(node, operator, &[input.value])?;
        Ok(Traced::new(value, View::pixel(channels)))
    }

    fn activation(&mut self, node: &Node, function: Nonlinearity) -> Result<Traced, ImportError> {
        let input = self.only(node)?;
        let operator = Operator::new(Activation { function });
        let value = self.network.push(node, operator, &[input.value])?;
        Ok(Traced::new(value, input.view))
    }

    /// Left out: the order of scores is that of probabilities.
    fn softmax(&self, node: &Node) -> Result<Traced, ImportError> {
        let mut input = self.only(node)?;
        let axis = node.integer("axis", -1)?;
        if input.view.dims().len() != 1 || !matches!(axis, -1 | 1) {
            return Err(node.error("only over the classes of samples of one dimension"));
        }
        input.is_end = true;
        Ok(input)
    }

    /// The image that a node reads, and its height, width and channels.
    pub(super) fn image(&self, node: &Node) -> Result<(Traced, [usize; 3]), ImportError> {
        let input = self.first(node)?;
        let shape = input.view.axes_shape();
        match (shape.as_slice(), input.view.is_image()) {
            (&[height, width, channels], true) => Ok((input, [height, width, channels])),
            _ => Err(node.error(format!(
                "it reads samples of shape {:?}, which is no image of [channels, height, width]",
                input.view.shape()
            ))),
        }
    }

    fn finish(self, output: &str) -> Result<FloatModel, ImportError> {
        let Some(end) = self.values.get(output) else {
            let reason = format!("no node makes its output {}", quoted(output));
            return Err(structure("the graph", reason));
        };
        self.network.finish(end.value, end.is_end)
    }
}
