//! Where nodes stand: a tidy drawing of a forest.
//!
//! After Reingold and Tilford, *Tidier Drawings of Trees* (1981): subtrees are moved together until
//! they are one unit apart at some level, and a parent stands above the middle of its children, so
//! that equal subtrees look equal. Linear time, and no recursion: nobody limits the depth of a tree.

/// A node's place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Distance from the left, in units between neighbours.
    pub column: f64,
    /// Distance from the roots.
    pub level: usize,
}

/// Extent of a drawn subtree, level by level; the topmost level last, so that a parent is pushed.
#[derive(Default)]
struct Contour {
    left: Vec<f64>,
    right: Vec<f64>,
    /// To be added to all entries.
    shift: f64,
}

impl Contour {
    /// How far `right` must move to stand one unit to the right of this.
    fn distance(&self, right: &Self) -> f64 {
        let levels = self.right.iter().rev().zip(right.left.iter().rev());
        let gaps = levels.map(|(l, r)| (l + self.shift) - (r + right.shift) + 1.0);
        gaps.fold(f64::NEG_INFINITY, f64::max)
    }

    /// Both, where `right` stands to the right. Costs as many steps as the smaller has levels.
    fn join(mut self, mut right: Self) -> Self {
        if self.left.len() >= right.left.len() {
            let difference = right.shift - self.shift;
            let levels = self.right.iter_mut().rev().zip(right.right.iter().rev());
            levels.for_each(|(mine, theirs)| *mine = theirs + difference);
            self
        } else {
            let difference = self.shift - right.shift;
            let levels = right.left.iter_mut().rev().zip(self.left.iter().rev());
            levels.for_each(|(theirs, mine)| *theirs = mine + difference);
            right
        }
    }

    fn push(&mut self, column: f64) {
        self.left.push(column - self.shift);
        self.right.push(column - self.shift);
    }
}

/// The places of nodes; `above` has the place of each parent, before that of its children.
pub fn places(above: &[Option<usize>]) -> Vec<Place> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); above.len()];
    let mut roots = Vec::new();
    for (k, parent) in above.iter().enumerate() {
        match parent.and_then(|parent| children.get_mut(parent)) {
            Some(list) => list.push(k),
            None => roots.push(k),
        }
    }
    // Upwards: each node's column and how far its whole subtree was moved, as its parent sees them.
    let mut drawn: Vec<Contour> = above.iter().map(|_| Contour::default()).collect();
    let mut columns = vec![0.0; above.len()];
    let mut shifts = vec![0.0; above.len()];
    for (k, children) in children.iter().enumerate().rev() {
        let (mut contour, column) = row(children, &mut drawn, &mut columns, &mut shifts);
        contour.push(column);
        if let (Some(drawn), Some(own)) = (drawn.get_mut(k), columns.get_mut(k)) {
            (*drawn, *own) = (contour, column);
        }
    }
    let _ = row(&roots, &mut drawn, &mut columns, &mut shifts);

    // Downwards: every node moves with all of its ancestors.
    let mut places: Vec<Place> = Vec::with_capacity(above.len());
    let mut moved: Vec<f64> = Vec::with_capacity(above.len());
    for ((parent, column), shift) in above.iter().zip(columns).zip(shifts) {
        let outer = parent.and_then(|parent| Some((places.get(parent)?, moved.get(parent)?)));
        let (level, ancestors) = outer.map_or((0, 0.0), |(p, moved)| (p.level + 1, *moved));
        moved.push(ancestors + shift);
        // A column already has the node's own shift.
        places.push(Place {
            column: column + ancestors,
            level,
        });
    }
    let leftmost = places
        .iter()
        .map(|p| p.column)
        .fold(f64::INFINITY, f64::min);
    places.iter_mut().for_each(|place| place.column -= leftmost);
    places
}

/// Stands subtrees side by side; returns what they cover together and their middle.
fn row(
    siblings: &[usize],
    drawn: &mut [Contour],
    columns: &mut [f64],
    shifts: &mut [f64],
) -> (Contour, f64) {
    let mut all = Contour::default();
    for &k in siblings {
        let (Some(contour), Some(column), Some(shift)) =
            (drawn.get_mut(k), columns.get_mut(k), shifts.get_mut(k))
        else {
            continue;
        };
        let mut contour = std::mem::take(contour);
        let distance = all.distance(&contour);
        if distance.is_finite() {
            contour.shift += distance;
            *column += distance;
            *shift += distance;
        }
        all = all.join(contour);
    }
    let place = |k: Option<&usize>| k.and_then(|k| columns.get(*k)).copied().unwrap_or(0.0);
    let middle = (place(siblings.first()) + place(siblings.last())) / 2.0;
    (all, middle)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn columns(above: &[Option<usize>]) -> Vec<f64> {
        places(above).iter().map(|place| place.column).collect()
    }

    #[test]
    fn small_trees() {
        assert_eq!(places(&[]), []);
        assert_eq!(columns(&[None]), [0.0]);
        assert_eq!(columns(&[None, Some(0), Some(1)]), [0.0; 3]);
        assert_eq!(columns(&[None, Some(0), Some(0)]), [0.5, 0.0, 1.0]);
        assert_eq!(columns(&[None, None]), [0.0, 1.0]);
        // Two grandchildren below the first child push the second child away no more than needed.
        let above = [None, Some(0), Some(1), Some(1), Some(0)];
        assert_eq!(columns(&above), [1.0, 0.5, 0.0, 1.0, 1.5]);
    }

    #[test]
    fn a_very_deep_tree() {
        let depth = 200_000;
        let above: Vec<Option<usize>> = (0..depth).map(|k: usize| k.checked_sub(1)).collect();
        let places = places(&above);
        assert!(places.iter().all(|place| place.column == 0.0));
        assert_eq!(places[depth - 1].level, depth - 1);
    }

    proptest! {
        #[test]
        fn drawings_are_tidy(choices in prop::collection::vec(any::<prop::sample::Index>(), 1..60)) {
            // Node `k` has some earlier node as parent, or none.
            let choices = choices.iter().enumerate();
            let above: Vec<Option<usize>> =
                choices.map(|(k, c)| c.index(k + 1).checked_sub(1)).collect();
            let places = places(&above);
            for (k, place) in places.iter().enumerate() {
                prop_assert!(place.column >= 0.0);
                let children: Vec<&Place> = above
                    .iter()
                    .zip(&places)
                    .filter_map(|(above, place)| (*above == Some(k)).then_some(place))
                    .collect();
                for child in &children {
                    prop_assert_eq!(child.level, place.level + 1);
                }
                if let (Some(first), Some(last)) = (children.first(), children.last()) {
                    prop_assert!((first.column + last.column - 2.0 * place.column).abs() < 1e-6);
                    prop_assert!(children.is_sorted_by(|a, b| a.column < b.column));
                }
            }
            let mut levels: Vec<_> = places.iter().map(|p| (p.level, p.column)).collect();
            levels.sort_by(|a, b| a.partial_cmp(b).unwrap());
            for pair in levels.windows(2) {
                prop_assert!(pair[0].0 != pair[1].0 || pair[1].1 - pair[0].1 > 1.0 - 1e-6);
            }
        }
    }
}
