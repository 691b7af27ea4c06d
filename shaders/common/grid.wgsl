// Which element an invocation owns, where the workgroups of a 2-D grid are counted row by row.

const GROUP_LANES: u32 = 64u;

fn flat_index(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.y * groups.x + group.x) * GROUP_LANES + lane;
}
