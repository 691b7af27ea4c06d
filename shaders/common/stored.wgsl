// How four numbers of a matrix that a product reads lie in a buffer: as they are.

alias Stored = vec4<f32>;

fn loaded(four: Stored) -> vec4<f32> {
    return four;
}
