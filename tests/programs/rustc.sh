#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: rustc:rustc gcc:gcc
# Serves: rustc made
# Runs: compiles and runs a program with threads, maps and strings
set -eu
if ! rustc --version >/dev/null 2>&1; then
    echo "rustc has no toolchain" >&2
    exit 77
fi
cat >main.rs <<'RUST'
use std::collections::{BTreeMap, HashMap};
use std::sync::{mpsc, Arc, Mutex};
use std::thread;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    id: u64,
    text: String,
    #[allow(dead_code)]
    tags: Vec<Box<u32>>,
}

fn rows(count: u64) -> Vec<Row> {
    (0..count)
        .map(|i| Row {
            id: i * 7919 % 10007,
            text: "x".repeat((i % 50) as usize),
            tags: (0..i % 5).map(|t| Box::new(t as u32)).collect(),
        })
        .collect()
}

fn main() {
    let (sender, receiver) = mpsc::channel();
    let shared = Arc::new(Mutex::new(BTreeMap::new()));
    let threads: Vec<_> = (0..4)
        .map(|n| {
            let (sender, shared) = (sender.clone(), Arc::clone(&shared));
            thread::spawn(move || {
                for row in rows(5000 + n) {
                    *shared.lock().unwrap().entry(row.text.clone()).or_insert(0u64) += row.id;
                    sender.send(row).unwrap();
                }
            })
        })
        .collect();
    drop(sender);
    let mut all: Vec<Row> = receiver.iter().collect();
    for thread in threads {
        thread.join().unwrap();
    }
    all.sort();
    println!("{} {:?}", all.len(), all[all.len() / 2]);
    println!("{}", shared.lock().unwrap().values().sum::<u64>());
    let words: HashMap<String, usize> = all
        .iter()
        .map(|r| (format!("{}{}", r.text, r.id), r.tags.len()))
        .collect();
    println!("{} {}", words.len(), words.values().sum::<usize>());
    let caught = std::panic::catch_unwind(|| panic!("on purpose"));
    println!("{}", caught.is_err());
}
RUST
rustc --edition 2021 -C debuginfo=1 -o made main.rs
./made
rustc --edition 2021 -O --emit=obj -C codegen-units=1 -o made.o main.rs
sha256sum made.o
echo 'fn main() { let x: u32 = "text"; }' >wrong.rs
rustc wrong.rs 2>&1 || echo "status $?"
