//! Tables of images, or of rows without names.
use super::{
    labels::LabelColumn,
    table::{Cells, LABEL, Places, Table},
};
use crate::{error::DataError, nn::network::MAX_WIDTH};

/// Most values of a table whose file says how many there are: a file of a few bytes may say any.
const MAX_CELLS: usize = 1 << 28;

/// Pixels are from 0 to 255, and their values from 0 to 1.
pub(super) const PIXEL_SCALE: f64 = 255.0;

/// The shape of an array, as a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) rows: usize,
    pub(super) width: usize,
}

impl Shape {
    /// Rows of `[n, features]`, `[n, h, w]` or `[n, h, w, c]`.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub(super) fn of(axes: &[u64]) -> Result<Self, String> {
        let [rows, rest @ ..] = axes else {
            return Err("it has no axes; [n, h, w] is due".to_owned());
        };
        if !(1..=3).contains(&rest.len()) {
            let count = axes.len();
            return Err(format!(
                "it has {count} axes; take [n, features], [n, h, w] or [n, h, w, c]"
            ));
        }
        if axes.contains(&0) {
            return Err(format!("its shape is {axes:?}: there is nothing in it"));
        }
        let product = |axes: &[u64]| axes.iter().try_fold(1, |p: u64, axis| p.checked_mul(*axis));
        let width = product(rest).filter(|width| *width <= MAX_WIDTH as u64);
        let Some(width) = width else {
            return Err(format!(
                "its shape is {axes:?}: rows of more than {MAX_WIDTH} values; make the images smaller"
            ));
        };
        match product(axes).filter(|cells| *cells <= MAX_CELLS as u64) {
            // Both are below 2^28.
            Some(_) => Ok(Self {
                rows: *rows as usize,
                width: width as usize,
            }),
            None => Err(format!(
                "its shape is {axes:?}: more than {MAX_CELLS} values; split the file"
            )),
        }
    }

    /// How many values there are.
    pub(super) fn cells(self) -> usize {
        self.rows * self.width
    }
}

/// How many labels there are, of an array of them.
///
/// # Errors
/// What is wrong, and what to do.
pub(super) fn count_of_labels(axes: &[u64]) -> Result<usize, String> {
    match *axes {
        [count] if (1..=MAX_CELLS as u64).contains(&count) => Ok(count as usize),
        _ => Err(format!(
            "its shape is {axes:?}; labels are [n], one for each row, at most {MAX_CELLS}"
        )),
    }
}

/// A table whose columns are numbered.
///
/// # Errors
/// [`DataError::LabelCount`] unless there is a label for each row.
pub(super) fn table(
    file: &str,
    width: usize,
    (cells, scale): (Cells, Option<f64>),
    label: Option<LabelColumn>,
) -> Result<Table, DataError> {
    let letter = if scale.is_some() { 'p' } else { 'x' };
    let num_rows = cells.len() / width.max(1);
    if let Some(label) = &label
        && label.len() != num_rows
    {
        return Err(DataError::LabelCount {
            file: file.to_owned(),
            rows: num_rows,
            labels: label.len(),
        });
    }
    Ok(Table {
        file: file.to_owned(),
        columns: (0..width).map(|k| format!("{letter}{k}")).collect(),
        cells,
        num_rows,
        places: Places::Rows,
        scale,
        label,
    })
}

/// The column of these labels.
///
/// # Errors
/// [`DataError::ClassCount`] of too many different ones.
pub(super) fn labels(
    file: &str,
    texts: impl Iterator<Item = String>,
) -> Result<LabelColumn, DataError> {
    let mut column = LabelColumn::new(LABEL);
    for text in texts {
        column.push(file, &text)?;
    }
    Ok(column)
}
