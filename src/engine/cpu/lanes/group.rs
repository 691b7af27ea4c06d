//! Networks that are trained together, one in each lane.

use super::shape::{Buffer, Shape};
use crate::engine::{Member, NetworkStatus};

/// A lane that trains no network.
const NOBODY: u32 = u32::MAX;

/// The networks of a group, every list `[..][width]`.
#[derive(Debug)]
pub(super) struct Group {
    /// Which of the population each is; [`NOBODY`] where a lane is empty or its network has stopped.
    members: Vec<u32>,
    /// -1 in its bits for a network that has not stopped, else 0.
    pub in_training: Vec<u32>,
    pub parameters: Buffer,
    /// Those that the optimizer has.
    pub moments: Vec<Buffer>,
    /// The largest rate, the decay of the first moment, and that of weights.
    pub rate: Buffer,
    pub decay1: Buffer,
    pub weight_decay: Buffer,
    /// What has become of networks since it was last asked for.
    pub decided: Vec<(u32, NetworkStatus)>,
}

impl Group {
    /// Empty lanes.
    pub(super) fn new(shape: &Shape) -> Group {
        let numbers = || Buffer::new(shape.count * shape.width);
        let own = || Buffer::new(shape.width);
        Group {
            members: vec![NOBODY; shape.width],
            in_training: vec![0; shape.width],
            parameters: numbers(),
            moments: (0..shape.optimizer.moments()).map(|_| numbers()).collect(),
            rate: own(),
            decay1: own(),
            weight_decay: own(),
            decided: Vec::new(),
        }
    }

    /// Puts a network into a lane, at its start.
    pub(super) fn put(
        &mut self,
        shape: &Shape,
        lane: usize,
        index: u32,
        member: &Member,
        parameters: &[f32],
    ) {
        self.members[lane] = index;
        self.in_training[lane] = u32::MAX;
        self.rate[lane] = member.rate;
        self.decay1[lane] = member.decay1;
        self.weight_decay[lane] = member.weight_decay;
        let own = self.parameters.iter_mut().skip(lane).step_by(shape.width);
        own.zip(&shape.places).for_each(|(to, &place)| *to = parameters[place]);
    }

    /// Moves a network from a lane of this group to an empty one of another.
    pub(super) fn move_to(&mut self, other: &mut Group, (from, to): (usize, usize), width: usize) {
        other.members[to] = std::mem::replace(&mut self.members[from], NOBODY);
        other.in_training[to] = std::mem::take(&mut self.in_training[from]);
        for (to_list, from_list) in other.lists().zip(self.lists()) {
            let from = from_list.iter().skip(from).step_by(width);
            to_list.iter_mut().skip(to).step_by(width).zip(from).for_each(|(to, from)| *to = *from);
        }
    }

    fn lists(&mut self) -> impl Iterator<Item = &mut Buffer> {
        let Group { parameters, moments, rate, decay1, weight_decay, .. } = self;
        [parameters, rate, decay1, weight_decay].into_iter().chain(moments)
    }

    /// Which of the population trains in a lane.
    pub(super) fn member(&self, lane: usize) -> Option<u32> {
        Some(self.members[lane]).filter(|&member| member != NOBODY)
    }

    /// Networks that have not stopped.
    pub(super) fn len(&self) -> usize {
        self.members.iter().filter(|&&member| member != NOBODY).count()
    }

    /// The first lane of which this is true: that a network trains in it.
    pub(super) fn first(&self, trains: bool) -> Option<usize> {
        self.members.iter().position(|&member| (member != NOBODY) == trains)
    }

    /// A lane's parameters.
    fn own(&self, lane: usize) -> impl Iterator<Item = f32> + '_ {
        self.parameters.iter().skip(lane).step_by(self.members.len()).copied()
    }

    /// Whether they are all finite.
    pub(super) fn is_finite(&self, lane: usize) -> bool {
        self.own(lane).all(f32::is_finite)
    }

    /// Whether those of all lanes are, of empty ones too.
    pub(super) fn are_finite(&self) -> bool {
        // The largest of them by its bits, which vectors find sooner than the first that is not.
        let sizes = self.parameters.iter().map(|parameter| parameter.abs().to_bits());
        f32::from_bits(sizes.fold(0, u32::max)).is_finite()
    }

    /// The parameters of the networks that train here, in the network's layout, each with its index.
    pub(super) fn unpacked(&self, shape: &Shape) -> impl Iterator<Item = (usize, Vec<f32>)> {
        (0..self.members.len()).filter_map(|lane| {
            let mut list = vec![0.0; shape.layout.len()];
            shape.places.iter().zip(self.own(lane)).for_each(|(&place, own)| list[place] = own);
            self.member(lane).map(|member| (member as usize, list))
        })
    }

    /// The network of a lane stops: solved, or no longer finite.
    pub(super) fn stop(&mut self, lane: usize, status: NetworkStatus) {
        let status = if self.is_finite(lane) { status } else { NetworkStatus::Diverged };
        self.decided.push((self.members[lane], status));
        self.members[lane] = NOBODY;
        self.in_training[lane] = 0;
    }
}
