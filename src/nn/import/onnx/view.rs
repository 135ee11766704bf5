//! How values of ONNX lie over those of a network here.
//!
//! Images are `[channels, height, width]` there and `[height, width, channels]` here, and operators there cut and
//! rearrange what nobody moves here. So a value there is a *view* of one here: both walk through the same *atoms*,
//! in another order and cut into dimensions at other places.

/// A value of ONNX, without its dimension of samples, over a value of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    /// Lengths of the atoms.
    atoms: Vec<usize>,
    /// What each axis of the network's value walks through, slowest first. An atom of length 1 is in none.
    axes: Vec<Vec<usize>>,
    /// The same of the dimensions that ONNX sees.
    dims: Vec<Vec<usize>>,
}

impl View {
    /// What ONNX and the network see alike.
    pub(super) fn same(shape: &[usize]) -> Self {
        let axes: Vec<Vec<usize>> = shape.iter().enumerate().map(atom).collect();
        Self {
            atoms: shape.to_vec(),
            dims: axes.clone(),
            axes,
        }
    }

    /// An image of this shape, `[height, width, channels]`.
    pub(super) fn image(shape: [usize; 3]) -> Self {
        let same = Self::same(&shape);
        Self {
            dims: channels_first(&same.axes),
            ..same
        }
    }

    /// Channels of an image of which there is one pixel left.
    pub(super) fn pixel(channels: usize) -> Self {
        let mut same = Self::same(&[channels]);
        same.dims.extend([Vec::new(), Vec::new()]);
        same
    }

    /// The same dimensions over a value of the network whose axes are those of another view of the same atoms.
    pub(super) fn over(mut self, dims: &[Vec<usize>]) -> Self {
        self.axes = dims.to_vec();
        self
    }

    /// What the dimensions walk through.
    pub(super) fn dims(&self) -> &[Vec<usize>] {
        &self.dims
    }

    /// The shape of the network's value.
    pub(super) fn axes_shape(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| self.len(axis)).collect()
    }

    /// The shape that ONNX sees, without samples.
    pub(super) fn shape(&self) -> Vec<usize> {
        self.dims.iter().map(|dim| self.len(dim)).collect()
    }

    fn len(&self, group: &[usize]) -> usize {
        let lens = group.iter().filter_map(|atom| self.atoms.get(*atom));
        lens.fold(1, |product, len| product.saturating_mul(*len))
    }

    /// Whether both are cut into dimensions alike.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.axes_shape() == other.axes_shape()
            && self.shape() == other.shape()
            && self.places() == other.places()
    }

    /// For each dimension, which axes it is, if it is whole ones.
    fn places(&self) -> Option<Vec<Vec<usize>>> {
        let of = |dim: &Vec<usize>| {
            let mut rest = dim.as_slice();
            let mut places = Vec::new();
            while let Some(first) = rest.first() {
                let starts = |axis: &Vec<usize>| axis.first() == Some(first);
                let place = self.axes.iter().position(starts)?;
                rest = rest.strip_prefix(self.axes.get(place)?.as_slice())?;
                places.push(place);
            }
            Some(places)
        };
        self.dims.iter().map(of).collect()
    }

    /// Whether this is an image to both.
    pub(super) fn is_image(&self) -> bool {
        self.axes.len() == 3 && self.dims == channels_first(&self.axes)
    }

    /// Whether a dimension, the last one if none is said, is the last axis of the network's value.
    pub(super) fn is_last_axis(&self, dim: Option<usize>) -> bool {
        let dim = dim.map_or(self.dims.last(), |dim| self.dims.get(dim));
        dim.is_some() && dim == self.axes.last()
    }

    /// The number of entries of the network's last axis.
    pub(super) fn last_len(&self) -> usize {
        self.axes.last().map_or(0, |axis| self.len(axis))
    }

    /// The network's last axis replaced by one of another length, where a dimension is that axis.
    pub(super) fn with_last(mut self, len: usize) -> Self {
        let Some(last) = self.axes.last_mut() else {
            return self;
        };
        let new = atom((self.atoms.len(), &len));
        if let Some(dim) = self.dims.iter_mut().rfind(|dim| *dim == last) {
            dim.clone_from(&new);
        }
        *last = new;
        self.atoms.push(len);
        self
    }

    /// For each axis of the network's value, its atoms' lengths and how far apart their entries are where ONNX
    /// walks through all of it in one row.
    pub(super) fn rows(&self) -> Vec<(usize, usize)> {
        let order = self.dims.concat();
        let stride = |atom: &usize| {
            let behind = order.iter().rev().take_while(|other| *other != atom);
            let lens = behind.filter_map(|atom| self.atoms.get(*atom));
            lens.fold(1_usize, |product, len| product.saturating_mul(*len))
        };
        let atoms = self.axes.iter().flatten();
        let len = |atom: &usize| self.atoms.get(*atom).copied().unwrap_or(0);
        atoms.map(|atom| (len(atom), stride(atom))).collect()
    }

    /// All dimensions as one.
    pub(super) fn flat(mut self) -> Self {
        self.dims = vec![self.dims.concat()];
        self
    }

    /// Dimensions in another order; `None` if that is none.
    pub(super) fn permuted(mut self, order: &[usize]) -> Option<Self> {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..self.dims.len()) {
            return None;
        }
        let dim = |k: &usize| self.dims.get(*k).cloned();
        self.dims = order.iter().map(dim).collect::<Option<_>>()?;
        Some(self)
    }

    /// Cut into dimensions of other lengths; `None` where that would cut an atom.
    pub(super) fn reshaped(mut self, shape: &[usize]) -> Option<Self> {
        let order = self.dims.concat();
        let mut rest = order.as_slice();
        let mut dims = Vec::new();
        for len in shape {
            let count = (0..=rest.len()).find(|count| {
                let group = rest.get(..*count).unwrap_or_default();
                self.len(group) >= *len
            })?;
            let (group, behind) = rest.split_at_checked(count)?;
            if self.len(group) != *len {
                return None;
            }
            dims.push(group.to_vec());
            rest = behind;
        }
        self.dims = dims;
        rest.is_empty().then_some(self)
    }

    /// Without a dimension, if it is one and of length 1.
    pub(super) fn squeezed(mut self, dim: usize) -> Option<Self> {
        let is_one = self.dims.get(dim)?.is_empty();
        is_one.then(|| self.dims.remove(dim))?;
        Some(self)
    }

    /// With another dimension of length 1, if there is such a place.
    pub(super) fn unsqueezed(mut self, dim: usize) -> Option<Self> {
        let fits = dim <= self.dims.len();
        fits.then(|| self.dims.insert(dim, Vec::new()))?;
        Some(self)
    }
}

/// An atom of its own, unless it has length 1.
fn atom((number, len): (usize, &usize)) -> Vec<usize> {
    match len {
        1 => Vec::new(),
        _ => vec![number],
    }
}

/// Of height, width and channels the channels first.
fn channels_first(axes: &[Vec<usize>]) -> Vec<Vec<usize>> {
    match axes {
        [height, width, channels] => vec![channels.clone(), height.clone(), width.clone()],
        _ => Vec::new(),
    }
}

/// Lengths of which both lists are products of neighbours; `None` if there are none.
pub(super) fn refined(first: &[usize], second: &[usize]) -> Option<Vec<usize>> {
    let products = |lens: &[usize]| -> Option<Vec<usize>> {
        let mut product = 1_usize;
        let mut all = vec![product];
        for len in lens.iter().rev() {
            product = product.checked_mul(*len)?;
            all.push(product);
        }
        Some(all)
    };
    let (first, second) = (products(first)?, products(second)?);
    if first.last() != second.last() {
        return None;
    }
    let mut all = [first, second].concat();
    all.sort_unstable();
    all.dedup();
    let lens = all.array_windows().rev();
    lens.map(|[small, large]| large.is_multiple_of(*small).then(|| large / small))
        .collect()
}

/// Entries gathered from a tensor: for each axis, slowest first, its length and how far apart its entries are. `None`
/// where there is no such entry.
pub(super) fn gathered(values: &[f64], axes: &[(usize, usize)]) -> Option<Vec<f64>> {
    let size = axes
        .iter()
        .try_fold(1_usize, |n, (len, _)| n.checked_mul(*len));
    if size.is_none_or(|size| size > values.len()) {
        return None;
    }
    let mut places = vec![0_usize];
    for (len, stride) in axes {
        let along =
            |place: usize| (0..*len).map(move |k| place.saturating_add(k.saturating_mul(*stride)));
        places = places.into_iter().flat_map(along).collect();
    }
    let mut places = places.into_iter();
    places.try_fold(Vec::new(), |mut all, place| {
        all.push(*values.get(place)?);
        Some(all)
    })
}
