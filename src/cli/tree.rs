//! The tree of a directory, as commands use it.
use super::{
    Failure,
    args::{CurveName, TreeDir},
    output,
};
use zktree::{
    Bls12381, Pallas,
    commit::Curve,
    poly::WideField,
    text::quoted,
    tree::{
        Edge, Node, NodeId, Tree,
        store::{self, Damage, Store, VerifiedCache},
    },
};

/// Runs a generic command on the curve of the tree that its options name.
macro_rules! on_its_curve {
    ($run:ident, $options:expr) => {
        match $crate::cli::tree::curve(&$options.tree)? {
            $crate::cli::args::CurveName::Bls12_381 => $run::<zktree::Bls12381>($options),
            $crate::cli::args::CurveName::Pallas => $run::<zktree::Pallas>($options),
        }
    };
}
pub(super) use on_its_curve;

/// The curve of a tree.
pub fn curve(tree: &TreeDir) -> Result<CurveName, Failure> {
    match store::curve_of(&tree.dir)? {
        name if name == Bls12381::NAME => Ok(CurveName::Bls12_381),
        name if name == Pallas::NAME => Ok(CurveName::Pallas),
        name => Err(Failure::input(format!(
            "{}: the tree is on the curve {}, which this program does not know",
            tree.dir.display(),
            quoted(&name)
        ))),
    }
}

/// A tree with its directory.
pub struct Opened<C: Curve> {
    /// The directory.
    pub store: Store<C>,
    /// What can be used of it.
    pub tree: Tree<C>,
    /// What cannot.
    pub damage: Vec<Damage>,
}

impl<C: Curve<ScalarField: WideField>> Opened<C> {
    /// Reads the tree.
    pub fn new(dir: &TreeDir) -> Result<Self, Failure> {
        let store = dir.open()?;
        let (tree, damage) = store.load();
        Ok(Self {
            store,
            tree,
            damage,
        })
    }

    /// The root or node that an id, perhaps abbreviated, names. It is in the tree and undamaged.
    pub fn find(&self, id: &str) -> Result<NodeId, Failure> {
        let id = self.store.resolve(id)?;
        if self.tree.root(id).is_some() || self.tree.node(id).is_some() {
            return Ok(id);
        }
        let damage = self.damage.iter().find(|damage| damage.node == Some(id));
        Err(match damage {
            Some(damage) => Failure::NotVerified(damage.clone().into()),
            None => Failure::not_verified(format!("node {id}: it cannot be read")),
        })
    }

    /// A trained node; roots are refused.
    pub fn trained(&self, id: NodeId) -> Result<(&Node<C>, &Edge<C>), Failure> {
        let both = self.tree.node(id).zip(self.tree.edge(id));
        both.ok_or_else(|| {
            let id = self.tree.short(id);
            Failure::input(format!("{id} is a root: it was not trained; name a node"))
        })
    }

    /// A trained node whose lineage is verified, but for what the cache has: what a command says of it
    /// must not rest on the word of whoever signed it.
    pub fn verified(
        &self,
        id: NodeId,
        cache: &mut VerifiedCache<C>,
    ) -> Result<(&Node<C>, &Edge<C>), Failure> {
        let both = self.trained(id)?;
        self.verify(id, cache)?;
        Ok(both)
    }

    /// Verifies the lineage of a root or node, but for what the cache has, which has all of it then.
    pub fn verify(&self, id: NodeId, cache: &mut VerifiedCache<C>) -> Result<(), Failure> {
        let verified = self.tree.verify(&[id], cache.ids(), &mut |_| ())?;
        cache.remember(verified);
        Ok(())
    }

    /// Says on standard error which files are damaged.
    pub fn warn(&self) {
        for damage in &self.damage {
            output::complain(&format_args!("warning: {damage}"));
        }
    }
}
