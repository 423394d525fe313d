//! Which layers a subscription can be given at all, before bandwidth is asked.

use crate::Layer;

/// A set of layers, lowest first.
pub type LayerSet = [bool; 3];

/// The layers worth considering: those that flow, up to the `highest` wanted. When only better
/// ones flow, the lowest of them: a picture that is too good beats none.
#[must_use]
pub fn candidates(flowing: LayerSet, highest: Layer) -> LayerSet {
    let mut wanted = flowing;
    for layer in Layer::ALL {
        if layer > highest {
            set(&mut wanted, layer, false);
        }
    }
    if wanted.contains(&true) {
        return wanted;
    }
    let mut lowest = [false; 3];
    if let Some(layer) = Layer::ALL
        .into_iter()
        .find(|layer| contains(flowing, *layer))
    {
        set(&mut lowest, layer, true);
    }
    lowest
}

/// The layers a publisher must encode for a viewer whose best wanted layer is `highest`: all up
/// to it, so that bandwidth can choose (`LiveKit` enables qualities the same way).
#[must_use]
pub fn demanded(highest: Layer) -> LayerSet {
    Layer::ALL.map(|layer| layer <= highest)
}

/// What is in either.
#[must_use]
pub fn union(a: LayerSet, b: LayerSet) -> LayerSet {
    Layer::ALL.map(|layer| contains(a, layer) || contains(b, layer))
}

/// Whether `layer` is in `set`.
#[must_use]
pub fn contains(set: LayerSet, layer: Layer) -> bool {
    set.get(layer as usize).copied().unwrap_or(false)
}

/// Puts `layer` into `set` or takes it out.
pub fn set(set: &mut LayerSet, layer: Layer, present: bool) {
    if let Some(slot) = set.get_mut(layer as usize) {
        *slot = present;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_flowing_layers_up_to_the_wish_are_considered() {
        const ALL: LayerSet = [true; 3];
        for (name, flowing, highest, want) in [
            (
                "everything flows, the best is wanted",
                ALL,
                Layer::High,
                ALL,
            ),
            ("a small tile", ALL, Layer::Low, [true, false, false]),
            ("a middling tile", ALL, Layer::Medium, [true, true, false]),
            (
                "the low layer is paused",
                [false, true, true],
                Layer::Low,
                [false, true, false],
            ),
            (
                "a single layer, whatever is wanted",
                [true, false, false],
                Layer::High,
                [true, false, false],
            ),
            (
                "only the best flows",
                [false, false, true],
                Layer::Medium,
                [false, false, true],
            ),
            ("nothing flows", [false; 3], Layer::High, [false; 3]),
        ] {
            assert_eq!(candidates(flowing, highest), want, "{name}");
        }
    }

    #[test]
    fn demand_includes_every_layer_below_the_wish() {
        assert_eq!(demanded(Layer::Low), [true, false, false]);
        assert_eq!(demanded(Layer::Medium), [true, true, false]);
        assert_eq!(demanded(Layer::High), [true; 3]);
    }
}
