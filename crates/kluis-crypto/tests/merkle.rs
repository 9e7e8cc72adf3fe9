//! The Merkle tree against RFC 6962's definition, published known answers and an independent implementation.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use kluis_crypto::merkle::*;
use proptest::prelude::*;

/// The example inputs of the reference implementation of RFC 6962 (certificate-transparency).
const INPUTS: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
/// Its roots for the first 1..=8 of them.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[derive(Default)]
struct Log {
    frontier: Frontier,
    nodes: BTreeMap<(u8, u64), Hash>,
    roots: Vec<Hash>,
}

fn log_of(size: u64) -> Log {
    let mut log = Log { roots: vec![empty_root()], ..Log::default() };
    for i in 0..size {
        let nodes = &mut log.nodes;
        let leaf = leaf_hash(format!("leaf {i}").as_bytes());
        log.frontier.push_recording(leaf, &mut |level, index, hash| {
            assert!(nodes.insert((level, index), *hash).is_none());
        });
        log.roots.push(log.frontier.root());
    }
    log
}

/// RFC 6962 §2.1 word for word: MTH(D[n]).
fn tree_hash(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let k = 1 << (leaves.len() - 1).ilog2();
            node_hash(&tree_hash(&leaves[..k]), &tree_hash(&leaves[k..]))
        }
    }
}

#[test]
fn known_roots() {
    let mut frontier = Frontier::new();
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(hex::encode(frontier.root()), empty);
    for (input, root) in INPUTS.iter().zip(ROOTS) {
        frontier.push(leaf_hash(&hex::decode(input).unwrap()));
        assert_eq!(hex::encode(frontier.root()), root);
    }
    assert_eq!(frontier.size(), 8);
}

#[test]
fn frontier_follows_the_definition_and_survives_storage() {
    let leaves: Vec<Hash> = (0..200u32).map(|i| leaf_hash(&i.to_be_bytes())).collect();
    let mut frontier = Frontier::new();
    for (size, leaf) in leaves.iter().enumerate() {
        assert_eq!(frontier.root(), tree_hash(&leaves[..size]));
        frontier = Frontier::decode(&frontier.encode()).unwrap();
        frontier.push(*leaf);
    }
}

#[test]
fn malformed_frontiers_are_refused() {
    let mut good = Frontier::new();
    good.push([1; 32]);
    good.push([2; 32]);
    good.push([3; 32]);
    let bytes = good.encode();
    assert_eq!(Frontier::decode(&bytes).unwrap(), good);
    let longer = [bytes.as_slice(), &[0]].concat();
    let mut other_size = bytes.clone();
    other_size[7] = 7;
    let huge = [[0xff; 8].as_slice(), &[0; 64 * 32]].concat();
    for bad in [&[][..], &bytes[..7], &bytes[..bytes.len() - 1], &longer, &other_size, &huge] {
        assert_eq!(Frontier::decode(bad), Err(MerkleError::Frontier));
    }
}

#[test]
fn every_proof_up_to_200_leaves() {
    let log = log_of(200);
    let mut source = |level, index| log.nodes.get(&(level, index)).copied();
    for size in 1..=200u64 {
        let root = &log.roots[size as usize];
        for index in (0..size).step_by(if size > 70 { 7 } else { 1 }) {
            let leaf = log.nodes[&(0, index)];
            let proof = inclusion_proof(index, size, &mut source).unwrap();
            assert_eq!(verify_inclusion(&leaf, (index, size), &proof, root), Ok(()));
            let other = verify_inclusion(&[0; 32], (index, size), &proof, root);
            assert_eq!(other, Err(MerkleError::Mismatch));
        }
        for old in (0..=size).step_by(if size > 70 { 5 } else { 1 }) {
            let old_root = &log.roots[old as usize];
            let proof = consistency_proof(old, size, &mut source).unwrap();
            assert_eq!(verify_consistency((old, old_root), (size, root), &proof), Ok(()));
        }
        assert_eq!(Frontier::load(size, &mut source).unwrap().root(), *root);
    }
}

#[test]
fn what_is_outside_the_tree_is_refused() {
    let log = log_of(8);
    let mut source = |level, index| log.nodes.get(&(level, index)).copied();
    let root = log.roots[8];
    assert_eq!(inclusion_proof(8, 8, &mut source), Err(MerkleError::Range));
    assert_eq!(inclusion_proof(0, 0, &mut source), Err(MerkleError::Range));
    assert_eq!(inclusion_proof(0, u64::MAX, &mut source), Err(MerkleError::Range));
    assert_eq!(consistency_proof(9, 8, &mut source), Err(MerkleError::Range));
    assert_eq!(verify_inclusion(&root, (8, 8), &[], &root), Err(MerkleError::Range));
    assert_eq!(verify_inclusion(&root, (0, u64::MAX), &[], &root), Err(MerkleError::Range));
    assert_eq!(verify_consistency((9, &root), (8, &root), &[]), Err(MerkleError::Range));
    assert_eq!(verify_consistency((8, &root), (8, &[0; 32]), &[]), Err(MerkleError::Mismatch));
    assert_eq!(verify_consistency((8, &root), (8, &root), &[root]), Err(MerkleError::Length));
    assert_eq!(verify_consistency((0, &[0; 32]), (8, &root), &[]), Err(MerkleError::Mismatch));
    assert_eq!(verify_consistency((3, &root), (8, &root), &[]), Err(MerkleError::Length));
    let missing = inclusion_proof(0, 16, &mut source);
    assert_eq!(missing, Err(MerkleError::Missing { level: 3, index: 1 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn tampered_inclusion_is_refused(size in 2u64..200, pick in any::<u64>(), at in any::<usize>(), bit in 0u8..=255) {
        let log = log_of(size);
        let mut source = |level, index| log.nodes.get(&(level, index)).copied();
        let index = pick % size;
        let leaf = log.nodes[&(0, index)];
        let root = log.roots[size as usize];
        let good = inclusion_proof(index, size, &mut source).unwrap();
        let mut flipped = good.clone();
        let place = at % flipped.len();
        flipped[place][usize::from(bit / 8)] ^= 1 << (bit % 8);
        prop_assert!(verify_inclusion(&leaf, (index, size), &flipped, &root).is_err());
        prop_assert!(verify_inclusion(&leaf, (index, size), &good[1..], &root).is_err());
        let longer = [good.as_slice(), &[root]].concat();
        prop_assert!(verify_inclusion(&leaf, (index, size), &longer, &root).is_err());
        let other = (index + 1) % size;
        prop_assert!(verify_inclusion(&leaf, (other, size), &good, &root).is_err());
    }

    #[test]
    fn tampered_consistency_is_refused(size in 2u64..200, pick in any::<u64>(), at in any::<usize>(), bit in 0u8..=255) {
        let log = log_of(size);
        let mut source = |level, index| log.nodes.get(&(level, index)).copied();
        let old = 1 + pick % (size - 1);
        let (old_root, root) = (log.roots[old as usize], log.roots[size as usize]);
        let good = consistency_proof(old, size, &mut source).unwrap();
        let mut flipped = good.clone();
        let place = at % flipped.len();
        flipped[place][usize::from(bit / 8)] ^= 1 << (bit % 8);
        prop_assert!(verify_consistency((old, &old_root), (size, &root), &flipped).is_err());
        prop_assert!(verify_consistency((old, &old_root), (size, &root), &good[1..]).is_err());
        let longer = [good.as_slice(), &[root]].concat();
        prop_assert!(verify_consistency((old, &old_root), (size, &root), &longer).is_err());
        prop_assert!(verify_consistency((old, &root), (size, &root), &good).is_err());
        prop_assert!(verify_consistency((old, &old_root), (size, &old_root), &good).is_err());
    }
}
