//! What gadgets add to a relation: lookups, limbs, and numbers that are told.
use super::*;
use crate::nn::{
    program::{Gadget, Range, Table},
    relation::{at, term},
};

/// A part of a sum: a factor, and a tensor.
type Part<F> = (F, TensorId);

impl<F: WideField> Lowering<'_, F> {
    pub(super) fn gadget(&mut self, gadget: &Gadget) -> Result<(), ConfigError> {
        match gadget {
            Gadget::Round {
                wide,
                narrow,
                shift,
                ..
            } => self.rounding(*wide, *narrow, *shift),
            Gadget::Lookup {
                live,
                key,
                images,
                table,
                check,
            } => {
                let tensors = [*live, Some(*key)]
                    .into_iter()
                    .flatten()
                    .chain(images.iter().copied());
                let tensors: Vec<TensorId> = tensors.filter_map(|v| self.tensors[v.0]).collect();
                match (table, tensors.as_slice()) {
                    (Table::Signed(bits) | Table::Negative(bits), [_, ..]) => {
                        self.range(*key, &tensors, *bits, *check)
                    }
                    _ => self.look_up(*check, TableKind::Of(*table), &tensors),
                }
            }
            // How a prover comes by values is no part of what is proven.
            Gadget::Compute { .. } => Ok(()),
            Gadget::Range {
                value,
                range,
                check,
            } => self.within(*value, *range, *check),
            Gadget::Zero { value, check } => {
                if let Some(tensor) = self.tensors[value.0] {
                    self.relation.vanish(check.name(), tensor);
                }
                Ok(())
            }
            Gadget::Tell { value, check } => {
                self.tell(*value, *check);
                Ok(())
            }
        }
    }

    /// A value is in a range: it is the sum of limbs that are, of widths that sum to exactly its bits.
    fn within(&mut self, value: Value, range: Range, check: Check) -> Result<(), ConfigError> {
        let Some(tensor) = self.tensors[value.0] else {
            return Ok(());
        };
        let widths = match self.extent.cut {
            Cut::Format => limbs::remainder_widths(range.bits()),
            Cut::Cheapest => {
                let values = self.number_of(|gadget| match gadget {
                    Gadget::Range {
                        value, range: of, ..
                    } => (*of == range).then_some(*value),
                    _ => None,
                });
                limb_widths(range.bits(), values)
            }
        };
        let limbs = self.limbs_of(value, tensor, &widths)?;
        let (Some(bits), Some(top)) = (widths.last(), limbs.last()) else {
            return Ok(());
        };
        // Low limbs add to it: the top one is negative where the whole is.
        let table = match range {
            Range::Unsigned(_) => TableKind::Unsigned(*bits),
            Range::Signed(_) => TableKind::Of(Table::Signed(*bits)),
        };
        self.look_up(check, table, &[*top])
    }

    /// The limbs of a number as it is, the top one still to be looked up. Of one limb that is the number itself.
    fn limbs_of(
        &mut self,
        value: Value,
        tensor: TensorId,
        widths: &[u32],
    ) -> Result<Vec<TensorId>, ConfigError> {
        if let [_] = widths {
            return Ok(vec![tensor]);
        }
        let name = self.program.name(value).to_owned();
        let whole = [(F::ONE, tensor)];
        let limbs = self.cut((value, &name), &whole, widths, Check::RangeLow)?;
        self.limbs.push(LimbTensors {
            source: Source::Tensor(tensor),
            widths: widths.to_vec(),
            limbs: limbs.clone(),
        });
        Ok(limbs)
    }

    /// Equation 29. `narrow = round_shift(wide)`: the limbs' widths sum to exactly `shift`, so the remainder
    /// `wide - 2^shift narrow` is in the interval that rounding leaves, and no other `narrow` fits.
    fn rounding(&mut self, wide: Value, narrow: Value, shift: u32) -> Result<(), ConfigError> {
        let (Some(z), Some(y)) = (self.tensors[wide.0], self.tensors[narrow.0]) else {
            return Ok(());
        };
        // All others are claimed by their lookups, so `wide` is what a claim is solved for.
        let remainder = [(F::ONE, z), (-power_of_two::<F>(shift), y)];
        let widths = self.remainder_widths(shift);
        let name = format!("rest of {}", self.program.name(narrow));
        let limbs = self.cut((narrow, &name), &remainder, &widths, Check::RemainderLow)?;
        if let (Some(bits), Some(top)) = (widths.last(), limbs.last()) {
            let table = TableKind::Of(Table::Signed(*bits));
            self.look_up(Check::RemainderTop, table, &[*top])?;
        }
        self.limbs.push(LimbTensors {
            source: Source::Remainder(narrow),
            widths,
            limbs,
        });
        Ok(())
    }

    fn remainder_widths(&self, shift: u32) -> Vec<u32> {
        let format = self.program.format();
        match self.extent.cut {
            Cut::Format if shift == format.weight_bits() => format.limbs().to_vec(),
            Cut::Format => limbs::remainder_widths(shift),
            Cut::Cheapest => {
                let values = self.number_of(|gadget| match gadget {
                    Gadget::Round {
                        narrow, shift: s, ..
                    } => (*s == shift).then_some(*narrow),
                    _ => None,
                });
                limb_widths(shift, values)
            }
        }
    }

    /// How many numbers all gadgets have that `of` chooses.
    fn number_of(&self, of: impl Fn(&Gadget) -> Option<Value>) -> usize {
        let values = self.program.gadgets.iter().filter_map(of);
        values.fold(0_usize, |sum, value| {
            sum.saturating_add(self.program.size(value).saturating_mul(self.extent.steps))
        })
    }

    /// A number is in the signed range of `bits` bits, and its sign what the table says, if it is among
    /// `tensors`. Of one limb that is the number itself.
    fn range(
        &mut self,
        key: Value,
        tensors: &[TensorId],
        bits: u32,
        check: Check,
    ) -> Result<(), ConfigError> {
        let Some((tensor, sign)) = tensors.split_first() else {
            return Ok(());
        };
        let widths = match self.extent.cut {
            Cut::Format => vec![bits],
            Cut::Cheapest => limb_widths(bits, self.numbers_in_range(bits)),
        };
        let limbs = self.limbs_of(key, *tensor, &widths)?;
        if let (Some(bits), Some(top)) = (widths.last(), limbs.last()) {
            // Low limbs add to it: the top one is negative where the whole is.
            let table = match sign.is_empty() {
                true => Table::Signed(*bits),
                false => Table::Negative(*bits),
            };
            self.look_up(check, TableKind::Of(table), &[&[*top], sign].concat())?;
        }
        Ok(())
    }

    fn numbers_in_range(&self, of: u32) -> usize {
        self.number_of(|gadget| match gadget {
            Gadget::Lookup {
                key,
                table: Table::Signed(bits) | Table::Negative(bits),
                ..
            } => (*bits == of).then_some(*key),
            _ => None,
        })
    }

    /// Cuts a sum of multiples of tensors into limbs, `sum = sum_i 2^(k_i) limb_i`: commits to all but
    /// the top one and looks them up, and defines the top one, which is the caller's to look up.
    fn cut(
        &mut self,
        (value, name): (Value, &str),
        sum: &[Part<F>],
        widths: &[u32],
        check: Check,
    ) -> Result<Vec<TensorId>, ConfigError> {
        let Some((_, low)) = widths.split_last() else {
            return Ok(Vec::new());
        };
        let dims = self.dims(value);
        let mut limbs = Vec::new();
        for k in 0..low.len() {
            let tensor = self.relation.input(format!("{name}, limb {k}"), &dims);
            let committed = self.committed(value, tensor);
            self.limb_commitments.push(committed);
            limbs.push(tensor);
        }
        let [_, step] = self.positions;
        let over = self.indices(value, &program::over(&self.program.fact(value).axes), step);
        let scale = power_of_two::<F>(low.iter().sum())
            .inverse()
            .unwrap_or_default();
        let part = |factor: F, tensor: TensorId| term(scale * factor, [at(tensor, &over)], &over);
        let mut terms: Vec<_> = sum.iter().map(|(factor, id)| part(*factor, *id)).collect();
        let mut weight = 0;
        for (limb, bits) in limbs.iter().zip(low) {
            terms.push(part(-power_of_two::<F>(weight), *limb));
            weight += bits;
        }
        let top = self
            .relation
            .define(format!("{name}, limb {}", low.len()), &dims, terms);
        for (limb, bits) in limbs.iter().zip(low) {
            self.look_up(check, TableKind::Unsigned(*bits), &[*limb])?;
        }
        limbs.push(top);
        Ok(limbs)
    }

    /// An input of no variables equals the value: the caller says what it is.
    fn tell(&mut self, value: Value, check: Check) {
        if let Some(tensor) = self.tensors[value.0] {
            let name = format!("{}, told", self.program.name(value));
            let told = self.relation.input(name, &[]);
            self.relation.equal(check.name(), told, tensor, tensor);
            self.told.push((value, told));
        }
    }

    /// The tuple of tensors is in the table, which is made when first asked for.
    fn look_up(
        &mut self,
        check: Check,
        kind: TableKind,
        tensors: &[TensorId],
    ) -> Result<(), ConfigError> {
        let number = match self.tables.get(&kind) {
            Some(number) => *number,
            None => self.table(kind)?,
        };
        self.relation.lookup(check.name(), number, tensors);
        Ok(())
    }

    fn table(&mut self, kind: TableKind) -> Result<usize, ConfigError> {
        let table = lookup_table::<F>(kind)?;
        let num_vars = table.num_vars();
        let name = format!("uses of {kind:?}");
        let tensor = self.relation.input(name, &[num_vars]);
        self.multiplicities.push(Committed {
            tensor,
            num_vars,
            real: std::iter::once(0..1 << num_vars).collect(),
        });
        let number = self.relation.table(table, tensor);
        self.tables.insert(kind, number);
        Ok(number)
    }
}

fn lookup_table<F: WideField>(kind: TableKind) -> Result<Arc<dyn LookupTable<F>>, ConfigError> {
    let bits = |bits: u32| bits as usize;
    Ok(match kind {
        TableKind::Unsigned(b) => Arc::new(Unsigned { bits: bits(b) }),
        TableKind::Of(Table::Signed(b)) => Arc::new(Signed { bits: bits(b) }),
        TableKind::Of(Table::Positive(b)) => Arc::new(Relu { bits: bits(b) }),
        TableKind::Of(Table::Negative(b)) => Arc::new(Negative { bits: bits(b) }),
        TableKind::Of(Table::Function {
            function,
            bits,
            fraction,
            slope,
        }) => Arc::new(Activation::new(function, bits, fraction, slope)?),
        TableKind::Of(Table::Exponential {
            bits,
            fraction,
            scale,
        }) => Arc::new(Exponential::new(bits, fraction, scale)?),
        TableKind::Of(Table::Maximum(b)) => Arc::new(Maximum { bits: bits(b) }),
        TableKind::Of(Table::Bit) => Arc::new(Bit),
    })
}
