//! How windows lie on an image: what convolution and pooling have in common.
use crate::{
    error::ConfigError,
    nn::program::{Axis, Index, Known, Operand, Program, Term, Value, at, over, term},
};

/// Most entries that the windows of one image have together.
const MAX_ENTRIES: usize = 1 << 26;

/// Windows on the first two axes of an image, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Windows {
    /// Height and width of a window.
    pub kernel: [usize; 2],
    /// How far apart windows are.
    pub stride: [usize; 2],
    /// Rows and columns of zeros before the image.
    pub before: [usize; 2],
    /// And behind it.
    pub behind: [usize; 2],
}

/// The numbers of windows in encodings.
pub(super) const FIELDS: [&str; 8] = [
    "kernel_height",
    "kernel_width",
    "stride_height",
    "stride_width",
    "pad_top",
    "pad_left",
    "pad_bottom",
    "pad_right",
];

/// Windows on an image of a program.
pub(super) struct Placed {
    /// Which window, by row and column.
    pub(super) windows: [Axis; 2],
    /// Where in a window.
    pub(super) places: [Axis; 2],
    /// What place sees what, `[window, place, index]` for rows and for columns.
    pub(super) sees: [Value; 2],
}

impl Windows {
    /// Windows of one size, as far apart, without padding.
    pub fn apart(size: usize) -> Self {
        Self {
            kernel: [size; 2],
            stride: [size; 2],
            before: [0; 2],
            behind: [0; 2],
        }
    }

    /// Windows of odd size one apart, with as much padding as leaves as many windows as there are pixels.
    pub fn same(size: usize) -> Self {
        Self {
            kernel: [size; 2],
            stride: [1; 2],
            before: [size / 2; 2],
            behind: [size / 2; 2],
        }
    }

    pub(super) fn numbers(&self) -> Vec<u64> {
        let all = [self.kernel, self.stride, self.before, self.behind];
        all.concat().into_iter().map(|k| k as u64).collect()
    }

    pub(super) fn of(numbers: &[u64]) -> Option<Self> {
        let numbers: Vec<usize> = numbers
            .iter()
            .map(|k| usize::try_from(*k).ok())
            .collect::<Option<_>>()?;
        let [a, b, c, d, e, f, g, h] = *numbers.as_array()?;
        Some(Self {
            kernel: [a, b],
            stride: [c, d],
            before: [e, f],
            behind: [g, h],
        })
    }

    /// Numbers of windows on an image of shape `[height, width, channels]`, and its channels.
    pub(super) fn on(&self, image: &[usize]) -> Result<([usize; 2], usize), &'static str> {
        let [height, width, channels] = *image else {
            return Err("it reads an image: height, width and channels");
        };
        let mut count = [0; 2];
        for (k, len) in [height, width].into_iter().enumerate() {
            let (kernel, stride) = (self.kernel[k], self.stride[k]);
            if kernel == 0 || stride == 0 {
                return Err("windows and strides are at least 1");
            }
            let (before, behind) = (self.before[k], self.behind[k]);
            if before >= kernel || behind >= kernel {
                return Err("padding is less than a window");
            }
            // Each is below a kernel, and that is checked against them and the length.
            let padded = len.saturating_add(before).saturating_add(behind);
            let room = padded
                .checked_sub(kernel)
                .ok_or("a window is larger than the padded image")?;
            count[k] = room / stride + 1;
        }
        let all = [count[0], count[1], self.kernel[0], self.kernel[1], channels];
        let entries = all.into_iter().fold(1, usize::saturating_mul);
        match entries <= MAX_ENTRIES {
            true => Ok((count, channels)),
            false => Err("its windows have more than 2^26 entries together"),
        }
    }

    /// The windows on an image with these axes.
    pub(super) fn place(&self, p: &mut Program, image: [Axis; 2]) -> Result<Placed, ConfigError> {
        let shape = [p.len(image[0]), p.len(image[1]), 1];
        let (count, _) = self.on(&shape).map_err(|what| ConfigError::Operator {
            operator: "windows",
            what,
        })?;
        let windows = count.map(|count| p.axis(count));
        let places = self.kernel.map(|kernel| p.axis(kernel));
        let mut sees = |k: usize, name| {
            let known = Known::Window {
                stride: self.stride[k],
                before: self.before[k],
            };
            p.known(name, known, &[windows[k], places[k], image[k]])
        };
        let sees = [sees(0, "rows of windows")?, sees(1, "columns of windows")?];
        Ok(Placed {
            windows,
            places,
            sees,
        })
    }
}

/// A multiple of what is seen through windows, or of what they saw: the operand times both of what places see, summed over
/// what the output has not.
pub(super) fn through(
    p: &Program,
    sees: [Value; 2],
    (factor, operand): (i128, Operand),
    output: &[Index],
) -> Term {
    let [by_row, by_column] = sees.map(|value| at(value, &over(&p.fact(value).axes)));
    term(factor, [operand, by_row, by_column], output)
}
