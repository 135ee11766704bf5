//! Random relations, and proofs of one that are shown to the verifier of another: the two differ in one
//! element, a coefficient, an index, an entry of a table or of a public tensor, a row that is gathered. The
//! prover is honest, so that the lie is consistent everywhere else; it is accepted as what it is, and
//! refused as the other, unless the values happen to satisfy both.
use super::*;
use crate::{
    commit::RowCommitments,
    gkr::table::LookupTable,
    nn::{
        argument::{Argument, Batches, Gather, GatheredRows, Layout, Source},
        relation::{Axis, Committed, Index, Kind, Operand, Public, TensorId, Term},
    },
};
use ark_ff::PrimeField;
use proptest::prelude::{ProptestConfig, proptest};
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};

/// A table of listed tuples, the first of which is zero.
#[derive(Clone)]
struct Listed(Vec<Vec<i64>>);

impl Listed {
    /// These tuples and zeros, filled up.
    fn new(tuples: BTreeSet<Vec<i64>>, arity: usize) -> Self {
        let zero = vec![0; arity];
        let mut entries = vec![zero.clone()];
        entries.extend(tuples.into_iter().filter(|tuple| *tuple != zero));
        entries.resize(entries.len().next_power_of_two(), zero);
        Self(entries)
    }
}

impl LookupTable<F> for Listed {
    fn id(&self) -> Vec<u8> {
        format!("{:?}", self.0).into_bytes()
    }

    fn num_vars(&self) -> usize {
        poly::num_vars(self.0.len())
    }

    fn arity(&self) -> usize {
        self.0[0].len()
    }

    fn entry(&self, index: usize, tuple: &mut [i64]) {
        tuple.copy_from_slice(&self.0[index]);
    }

    fn index(&self, tuple: &[i64]) -> Option<usize> {
        self.0.iter().position(|entry| entry == tuple)
    }

    fn evaluate(&self, point: &[F]) -> Vec<F> {
        let column = |k| self.0.iter().map(|e| F::from(e[k])).collect::<Vec<F>>();
        (0..self.arity())
            .map(|k| poly::evaluate(&column(k), point))
            .collect()
    }
}

/// The naive evaluation of a definition, from the values of earlier tensors.
fn evaluate(relation: &Relation<F>, id: TensorId, values: &BTreeMap<TensorId, Vec<F>>) -> Vec<F> {
    let tensor = &relation.tensors[id.0];
    let Kind::Virtual(terms) = &tensor.kind else {
        return values[&id].clone();
    };
    let mut out = vec![F::from(0u64); 1 << tensor.dims.iter().sum::<usize>()];
    for term in terms {
        let used = |i: &Index| matches!(i, Index::Over(_));
        let indices = term
            .operands
            .iter()
            .flat_map(|o| &o.indices)
            .chain(&term.output);
        let axes: BTreeSet<Axis> = indices
            .filter(|i| used(i))
            .filter_map(|i| match i {
                Index::Over(axis) => Some(*axis),
                _ => None,
            })
            .collect();
        let axes: Vec<Axis> = axes.into_iter().collect();
        let sizes: Vec<usize> = axes.iter().map(|a| relation.axis_vars(*a)).collect();
        for at in 0..1usize << sizes.iter().sum::<usize>() {
            let mut rest = at;
            let mut position = BTreeMap::new();
            for (axis, size) in axes.iter().zip(&sizes) {
                position.insert(*axis, rest & ((1 << size) - 1));
                rest >>= size;
            }
            let flat = |indices: &[Index], dims: &[usize]| {
                let (mut flat, mut shift) = (0, 0);
                for (index, dim) in indices.iter().zip(dims) {
                    let here = match index {
                        Index::Over(axis) => position[axis],
                        Index::First => 0,
                        Index::Last => (1 << dim) - 1,
                    };
                    flat |= here << shift;
                    shift += dim;
                }
                flat
            };
            let mut product = term.coefficient;
            for operand in &term.operands {
                let dims = &relation.tensors[operand.tensor.0].dims;
                product *= values[&operand.tensor][flat(&operand.indices, dims)];
            }
            out[flat(&term.output, &tensor.dims)] += product;
        }
    }
    out
}

/// A small number, or `None` of one that is not.
fn small(x: &F) -> Option<i64> {
    let value = |x: F| {
        i64::try_from(x.into_bigint().0[0])
            .ok()
            .filter(|v| F::from(*v) == x)
    };
    value(*x).or_else(|| value(-*x).map(|v| -v))
}

/// A random relation with values that satisfy it unless an element was altered.
struct System {
    relation: Relation<F>,
    committed: Vec<Committed>,
    /// Inputs that the verifier evaluates, with what it knows of them.
    public: Vec<(TensorId, Vec<i64>)>,
    /// The input that is gathered from rows of a committed matrix, and what these rows say.
    gathered: (TensorId, Gather, Vec<i64>),
    matrix: Vec<i64>,
    values: Values,
}

/// Draws a system; `altered` is the element that is another, counted in the order of drawing.
struct Drawing<'a> {
    rng: ChaCha20Rng,
    axes: Vec<(Axis, usize)>,
    system: System,
    /// Values of all tensors by the relation that nothing was altered in.
    honest: &'a mut BTreeMap<TensorId, Vec<F>>,
    altered: Option<usize>,
    elements: usize,
    /// All tensors but multiplicities.
    usable: Vec<TensorId>,
}

const MATRIX_ROWS: usize = 4;
const MATRIX_VARS: usize = 2;

impl Drawing<'_> {
    /// Whether the next element is the one to be altered.
    fn alters(&mut self) -> bool {
        self.elements += 1;
        self.altered == Some(self.elements - 1)
    }

    fn integers(&mut self, len: usize) -> Vec<i64> {
        (0..len).map(|_| self.rng.gen_range(-3..4)).collect()
    }

    fn some_axes(&mut self, most: usize) -> Vec<(Axis, usize)> {
        let mut axes = self.axes.clone();
        let count = self.rng.gen_range(0..=most.min(axes.len()));
        (0..count)
            .map(|_| axes.remove(self.rng.gen_range(0..axes.len())))
            .collect()
    }

    fn keep(&mut self, id: TensorId, values: Vec<i64>) {
        let field = values.iter().map(|v| F::from(*v)).collect();
        self.honest.entry(id).or_insert(field);
        self.usable.push(id);
        self.system.values.insert(id, Arc::new(values));
    }

    fn commit(&mut self, name: &str, dims: &[usize], values: Vec<i64>) -> TensorId {
        let tensor = self.system.relation.input(name, dims);
        let num_vars = dims.iter().sum();
        self.system.committed.push(Committed {
            tensor,
            num_vars,
            real: std::iter::once(0..1 << num_vars).collect(),
        });
        self.keep(tensor, values);
        tensor
    }

    fn input(&mut self) {
        let axes = self.some_axes(3);
        let dims: Vec<usize> = axes.iter().map(|a| a.1).collect();
        let values = self.integers(1 << dims.iter().sum::<usize>());
        match self.rng.gen_range(0..3) {
            0 => {
                let mut stated = values.clone();
                let k = self.rng.gen_range(0..stated.len());
                stated[k] += i64::from(self.alters());
                let tensor = self.system.relation.input("evaluated", &dims);
                self.system.public.push((tensor, stated));
                self.keep(tensor, values);
            }
            _ => drop(self.commit("committed", &dims, values)),
        }
    }

    fn public(&mut self) {
        let axes = self.some_axes(2);
        let dims: Vec<usize> = axes.iter().map(|a| a.1).collect();
        let bounds = dims.iter().map(|dim| self.rng.gen_range(0..=1 << dim));
        let mut bounds: Vec<usize> = bounds.collect();
        let honest = Public::Below(bounds.clone()).values(&dims);
        if self.alters()
            && let Some(bound) = bounds.first_mut()
        {
            *bound = bound.checked_sub(1).unwrap_or(1);
        }
        let public = Public::Below(bounds);
        let id = self.system.relation.public("public", &dims, public);
        self.keep(id, honest);
    }

    /// An operand of any tensor so far, each of its dimensions over an axis of its size or fixed.
    fn operand(&mut self) -> Operand {
        let tensor = self.usable[self.rng.gen_range(0..self.usable.len())];
        let dims = self.system.relation.tensors[tensor.0].dims.clone();
        let mut indices: Vec<Index> = Vec::new();
        for dim in dims {
            let mut fitting: Vec<Index> = vec![Index::First, Index::Last];
            for (axis, size) in &self.axes {
                if *size == dim && !indices.contains(&Index::Over(*axis)) {
                    fitting.extend([Index::Over(*axis); 4]);
                }
            }
            let k = self.rng.gen_range(0..fitting.len());
            indices.push(fitting[k]);
        }
        Operand { tensor, indices }
    }

    fn term(&mut self, output: &[(Axis, usize)]) -> Option<Term<F>> {
        let count = self.rng.gen_range(1..4);
        let operands: Vec<Operand> = (0..count).map(|_| self.operand()).collect();
        let coefficient = [-2i64, -1, 1, 3][self.rng.gen_range(0..4)];
        let fixed = self.rng.gen_range(0..6);
        let output: Vec<Index> = output
            .iter()
            .enumerate()
            .map(|(k, (axis, _))| match fixed {
                0 if k == 0 => Index::First,
                1 if k == 0 => Index::Last,
                _ => Index::Over(*axis),
            })
            .collect();
        let mut term = Term {
            coefficient: F::from(coefficient),
            operands,
            output,
        };
        if !self.system.relation.admits(&term) {
            return None;
        }
        term.coefficient += F::from(4 * i64::from(self.alters()));
        let mut other = term.clone();
        if let Some(index) = other.operands[0].indices.first_mut() {
            *index = match index {
                Index::First => Index::Last,
                _ => Index::First,
            };
            if self.alters() && self.system.relation.admits(&other) {
                term = other;
            }
        }
        Some(term)
    }

    fn define(&mut self, name: &str) -> Option<TensorId> {
        let axes = self.some_axes(3);
        let dims: Vec<usize> = axes.iter().map(|a| a.1).collect();
        let count = self.rng.gen_range(1..4);
        let terms: Vec<Term<F>> = (0..count).filter_map(|_| self.term(&axes)).collect();
        if terms.is_empty() {
            return None;
        }
        let id = self.system.relation.define(name, &dims, terms);
        if !self.honest.contains_key(&id) {
            let values = evaluate(&self.system.relation, id, self.honest);
            self.honest.insert(id, values);
        }
        let values = self.honest[&id].iter().map(small).collect::<Option<_>>()?;
        self.system.values.insert(id, Arc::new(values));
        self.usable.push(id);
        Some(id)
    }

    /// A pair or a single tensor is looked up in what it takes on.
    fn lookup(&mut self) {
        let dims = |id: &TensorId| self.system.relation.tensors[id.0].dims.clone();
        let first = self.usable[self.rng.gen_range(0..self.usable.len())];
        let alike = self.usable.iter().filter(|id| dims(id) == dims(&first));
        let alike: Vec<TensorId> = alike.copied().collect();
        let second = alike[self.rng.gen_range(0..alike.len())];
        let tensors = match self.rng.gen_range(0..2) {
            0 => vec![first],
            _ => vec![first, second],
        };
        let columns: Vec<_> = tensors
            .iter()
            .map(|id| self.system.values[id].clone())
            .collect();
        let tuples = (0..columns[0].len()).map(|k| columns.iter().map(|c| c[k]).collect());
        let mut table = Listed::new(tuples.collect(), tensors.len());
        let entry = self.rng.gen_range(0..table.0.len());
        if self.alters() && entry > 0 {
            table.0[entry][0] += 1 << 20;
        }
        let number = self.table(table);
        self.system.relation.lookup("listed", number, &tensors);
    }

    fn table(&mut self, table: Listed) -> usize {
        let num_vars = table.num_vars();
        let uses = self.commit("uses", &[num_vars], Vec::new());
        self.usable.pop();
        self.system.relation.table(Arc::new(table), uses)
    }

    /// Everything is looked up in all that there is, so that there is a claim on it.
    fn claim_all(&mut self) {
        let values = self.usable.iter().map(|id| &self.system.values[id]);
        let tuples = values.flat_map(|values| values.iter().map(|v| vec![*v]));
        let number = self.table(Listed::new(tuples.collect(), 1));
        for tensor in self.usable.clone() {
            self.system.relation.lookup("anything", number, &[tensor]);
        }
    }

    /// A definition is what an input is: their difference is zero.
    fn vanishing(&mut self) {
        let Some(id) = self.define("same") else {
            return;
        };
        let dims = self.system.relation.tensors[id.0].dims.clone();
        let values = Vec::clone(&self.system.values[&id]);
        let copy = self.commit("the same", &dims, values);
        let mut indices: Vec<Index> = Vec::new();
        for dim in &dims {
            let of_size = self.axes.iter().filter(|(_, size)| size == dim);
            let mut free = of_size.map(|(axis, _)| Index::Over(*axis));
            indices.extend(free.find(|index| !indices.contains(index)));
        }
        let part = |coefficient: F, tensor| Term {
            coefficient,
            operands: vec![Operand {
                tensor,
                indices: indices.clone(),
            }],
            output: indices.clone(),
        };
        let terms = vec![part(F::from(1u64), id), part(-F::from(1u64), copy)];
        let rest = self.system.relation.define("difference", &dims, terms);
        self.honest
            .entry(rest)
            .or_insert_with(|| vec![F::from(0u64); 1 << dims.iter().sum::<usize>()]);
        self.system.relation.vanish("nothing", rest);
    }

    /// An input equals a definition of its own.
    fn equality(&mut self) {
        if let Some(id) = self.define("equal") {
            let dims = self.system.relation.tensors[id.0].dims.clone();
            let values = Vec::clone(&self.system.values[&id]);
            let input = self.commit("copy", &dims, values);
            self.system.relation.equal("a copy", input, id, id);
        }
    }
}

/// The system of a seed, and how many elements it has. `None` if its numbers become too large.
fn draw(
    seed: u64,
    altered: Option<usize>,
    honest: &mut BTreeMap<TensorId, Vec<F>>,
) -> (System, usize) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut relation = Relation::new();
    let sizes: Vec<usize> = (0..3).map(|_| rng.gen_range(0..3)).collect();
    let axes: Vec<_> = sizes.iter().map(|n| (relation.axis(*n), *n)).collect();
    let matrix: Vec<i64> = (0..MATRIX_ROWS << MATRIX_VARS)
        .map(|_| rng.gen_range(-3..4))
        .collect();
    // Two samples and two columns: the tensor has a variable of each.
    let first_column = rng.gen_range(0..3);
    let gather = |seed: u8| {
        let schedule = Schedule::new(ScheduleSeed([seed; 32]), MATRIX_ROWS, 2).unwrap();
        let rows: Vec<usize> = schedule.batches(0, 1).flatten().collect();
        let gather = Gather {
            matrix: 0,
            rows: GatheredRows::Scheduled(Arc::new(Batches::new(schedule, 0, 1))),
            low_vars: [1, 0],
            first_column,
            num_columns: 2,
        };
        let entry = |(p, u): (usize, usize)| {
            let at = (rows[p] << MATRIX_VARS) + first_column + u;
            matrix.get(at).copied().unwrap_or_default()
        };
        let entries = [(0, 0), (1, 0), (0, 1), (1, 1)].map(entry);
        (gather, entries.to_vec())
    };
    let schedule = rng.r#gen();
    let (_, values) = gather(schedule);
    let (gather, stated) = gather(schedule ^ u8::from(altered == Some(0)));
    let gathered = relation.input("gathered", &[1, 1]);
    let system = System {
        relation,
        committed: Vec::new(),
        public: Vec::new(),
        gathered: (gathered, gather, stated),
        matrix,
        values: Values::new(),
    };
    let mut drawing = Drawing {
        rng,
        axes,
        system,
        honest,
        altered,
        elements: 1,
        usable: Vec::new(),
    };
    drawing.keep(gathered, values);
    let counts: Vec<usize> = [2..5, 0..3, 1..5, 0..3, 0..3, 0..3]
        .map(|range| drawing.rng.gen_range(range))
        .into();
    (0..counts[0]).for_each(|_| drawing.input());
    (0..counts[1]).for_each(|_| drawing.public());
    for _ in 0..counts[2] {
        let _ = drawing.define("defined");
    }
    (0..counts[3]).for_each(|_| drawing.equality());
    (0..counts[4]).for_each(|_| drawing.lookup());
    (0..counts[5]).for_each(|_| drawing.vanishing());
    drawing.claim_all();
    (drawing.system, drawing.elements)
}

impl System {
    /// Whether the values satisfy everything, naively.
    fn is_satisfied(&self) -> bool {
        let relation = &self.relation;
        let mut values = BTreeMap::new();
        for id in (0..relation.tensors.len()).map(TensorId) {
            let given = match &relation.tensors[id.0].kind {
                Kind::Public(public) => {
                    let values = public.values(&relation.tensors[id.0].dims);
                    values.into_iter().map(F::from).collect()
                }
                Kind::Input => self.values[&id].iter().map(|v| F::from(*v)).collect(),
                Kind::Virtual(_) => evaluate(relation, id, &values),
            };
            values.insert(id, given);
        }
        let public = |(id, stated): &(TensorId, Vec<i64>)| *self.values[id] == *stated;
        let (gathered, _, stated) = &self.gathered;
        let is_gathered = *self.values[gathered] == *stated;
        let equal = relation
            .equalities
            .iter()
            .all(|e| values[&e.input] == values[&e.definition]);
        let looked_up = relation.lookups.iter().all(|(table, tensors)| {
            let columns: Vec<_> = tensors.iter().map(|id| &values[id]).collect();
            (0..columns[0].len()).all(|k| {
                let tuple: Option<Vec<i64>> = columns.iter().map(|c| small(&c[k])).collect();
                tuple.is_some_and(|tuple| relation.tables[*table].0.index(&tuple).is_some())
            })
        });
        let zero = |id: &TensorId| values[id].iter().all(|x| *x == F::from(0u64));
        let vanish = relation.vanishing.iter().all(zero);
        self.public.iter().all(public) && is_gathered && equal && looked_up && vanish
    }

    fn describe(self, hiding: bool) -> (Argument<F>, Values, KnownMatrix<F>) {
        let relation = Arc::new(self.relation);
        let mut values = self.values;
        count(&relation, &mut values);
        let mut argument = Argument::new(relation, &self.committed, 2, hiding);
        let layout = Layout::new(MATRIX_VARS + 2, MATRIX_VARS, std::slice::from_ref(&(0..16)));
        let matrix = argument.known_matrix(layout);
        for (tensor, values) in self.public {
            let function = move |r: &[F]| poly::int::evaluate(&values, r);
            argument.input(tensor, Source::Public(Arc::new(function)));
        }
        let (tensor, gather, _) = self.gathered;
        argument.input(tensor, Source::Gather(Gather { matrix, ..gather }));
        let rng = &mut ChaCha20Rng::seed_from_u64(4);
        let blindings = match hiding {
            true => RowBlindings::random(MATRIX_ROWS, rng),
            false => RowBlindings::zero(MATRIX_ROWS),
        };
        let known = KnownMatrix {
            values: Arc::new(self.matrix),
            blindings,
        };
        (argument, values, known)
    }
}

fn verdict_of(system: System, proof: &[u8], hiding: bool) -> Result<(), VerifyError> {
    let (argument, _, known) = system.describe(hiding);
    let gens = Generators::<C>::get(1 << MATRIX_VARS, 0);
    let rows: Vec<&[i64]> = known.values.chunks(1 << MATRIX_VARS).collect();
    let rows: RowCommitments<C> = hyrax::commit_slices(&gens, &rows, &known.blindings);
    let pending = argument.verify::<C>(b"structure", &[&rows], proof)?;
    Pending::check_all(&[pending])
}

/// How many lies were told, and how many of them were none.
fn lies(seed: u64, hiding: bool) -> (usize, usize) {
    let honest = &mut BTreeMap::new();
    let (system, elements) = draw(seed, None, honest);
    assert!(system.is_satisfied(), "seed {seed}");
    let (argument, values, known) = system.describe(hiding);
    let proof = argument
        .prove::<C>(b"structure", &values, &[known], true)
        .unwrap();
    let (truth, _) = draw(seed, None, honest);
    assert_eq!(verdict_of(truth, &proof, hiding), Ok(()), "seed {seed}");
    let (mut told, mut vacuous) = (0, 0);
    for element in 0..elements {
        let (other, _) = draw(seed, Some(element), honest);
        if other.is_satisfied() {
            vacuous += 1;
            continue;
        }
        told += 1;
        let verdict = verdict_of(other, &proof, hiding);
        assert!(
            verdict.is_err(),
            "seed {seed}, element {element}, hiding: {hiding}"
        );
    }
    (told, vacuous)
}

proptest! {
    // As many as `PROPTEST_CASES` says, 256 if it says nothing.
    #![proptest_config(ProptestConfig::default())]

    #[test]
    fn a_proof_of_one_relation_is_none_of_another(seed: u64, hiding: bool) {
        lies(seed, hiding);
    }
}

/// The lies above are lies: at least every third element of a relation matters to its values.
#[test]
fn most_alterations_matter() {
    let counts = (0..16).map(|seed| lies(seed, false));
    let (told, vacuous) = counts.fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1));
    println!("{told} lies, {vacuous} alterations without effect");
    assert!(
        told > 60 && told > vacuous / 2,
        "{told} of {}",
        told + vacuous
    );
}
