//! Which variant of a product is the fastest on an adapter, by measurement.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Times;
use super::crossover::Watch;
use super::matmul::{Matrices, ready, seconds};
use crate::Error;
use crate::gpu::Gpu;
use crate::kernels::{self, Product, Variant};

/// How much faster than the default another variant has to be: less is within what measurements differ by.
const WORTH: f64 = 1.05;

/// A product in each of its variants.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuned {
    /// The product.
    pub product: Product,
    /// The variant that is chosen unless another is known to be faster.
    pub default: Variant,
    /// Seconds in each variant that the adapter takes, in the order in which they were tried.
    pub times: Vec<(Variant, Times)>,
}

impl Tuned {
    fn median(&self, variant: Variant) -> f64 {
        let found = self.times.iter().find(|(other, _)| *other == variant);
        found.map_or(f64::NAN, |(_, times)| times.median())
    }

    /// The variant to take: the fastest, unless the default is as good as that, within 5 %.
    pub fn winner(&self) -> Variant {
        let median = |(_, times): &&(Variant, Times)| times.median();
        let fastest = self.times.iter().min_by(|a, b| median(a).total_cmp(&median(b)));
        match fastest {
            Some(&(variant, _)) if self.default_seconds() > WORTH * self.median(variant) => variant,
            _ => self.default,
        }
    }

    /// Median seconds in the default variant.
    pub fn default_seconds(&self) -> f64 {
        self.median(self.default)
    }

    /// Median seconds in the variant to take.
    pub fn seconds(&self) -> f64 {
        self.median(self.winner())
    }

    /// How much longer the default takes than the variant to take, as a share of the latter.
    pub fn lost(&self) -> f64 {
        self.default_seconds() / self.seconds() - 1.0
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// The products that were measured in all variants, in order.
    pub products: Vec<Tuned>,
    /// Measurements of each.
    pub rounds: u32,
    /// Whether a stop was asked for before the end.
    pub stopped: bool,
}

impl Tuning {
    /// What [`Gpu::set_tuned`] takes: the variants that are faster than the defaults, by the names of their products.
    pub fn choices(&self) -> BTreeMap<String, String> {
        let others = self.products.iter().filter(|tuned| tuned.winner() != tuned.default);
        others.map(|tuned| (tuned.product.to_string(), tuned.winner().to_string())).collect()
    }
}

/// Times each of these products in every variant that may be the fastest on this adapter; each is compared with sums
/// in f64 first.
///
/// # Errors
/// [`Error::Check`] where a product is wrong, [`Error`] where the device is too small or fails.
pub async fn tune(
    gpu: &Arc<Gpu>,
    products: &[Product],
    rounds: u32,
    watch: &mut Watch<'_>,
) -> Result<Tuning, Error> {
    let mut done = Vec::new();
    for (at, &product) in products.iter().enumerate() {
        let class = gpu.adapter().class();
        let (matrices, default) = (Matrices::new(product), kernels::choose(product, class));
        let mut all = Vec::new();
        for variant in kernels::candidates(product, class) {
            (watch.tell)(&format!("{} of {}: {product} by {variant}", at + 1, products.len()));
            if (watch.stop)() {
                return Ok(Tuning { products: done, rounds, stopped: true });
            }
            all.push((variant, ready(gpu, &matrices, variant).await?.dispatch, Times::default()));
        }
        for round in 0..=rounds {
            for (_, dispatch, times) in &mut all {
                let measured = seconds(gpu, dispatch, watch.stop).await?;
                if (watch.stop)() {
                    return Ok(Tuning { products: done, rounds, stopped: true });
                }
                // The first of each warms up.
                if round > 0 {
                    times.extend([measured]);
                }
            }
        }
        let times = all.into_iter().map(|(variant, _, times)| (variant, times)).collect();
        done.push(Tuned { product, default, times });
    }
    Ok(Tuning { products: done, rounds, stopped: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Form;

    fn tuned(times: [f64; 3]) -> Tuned {
        let product = Product { form: Form::Tn, rows: 9, cols: 7, terms: 5 };
        let variants = [Variant::Staged(64), Variant::Direct, Variant::Split(2)];
        let times = variants.into_iter().zip(times).map(|(variant, seconds)| {
            let mut times = Times::default();
            times.extend([seconds]);
            (variant, times)
        });
        Tuned { product, default: Variant::Direct, times: times.collect() }
    }

    #[test]
    fn another_variant_has_to_be_clearly_faster_than_the_default() {
        let faster = tuned([2.0, 1.5, 1.0]);
        assert_eq!((faster.winner(), faster.lost()), (Variant::Split(2), 0.5));
        let within = tuned([2.0, 1.04, 1.0]);
        assert_eq!((within.winner(), within.lost()), (Variant::Direct, 0.0));
        let tuning = Tuning { products: vec![faster, within], rounds: 1, stopped: false };
        let choices: Vec<_> = tuning.choices().into_iter().collect();
        assert_eq!(choices, [("matmul-tn 9x5x7".to_owned(), "split-2".to_owned())]);
    }
}
