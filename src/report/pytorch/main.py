def table(text):
    """A float32 tensor from lines of numbers."""
    lines = [[float(number) for number in line.split()] for line in text.splitlines()]
    return torch.tensor(lines, dtype=torch.float32)


def differences(own, wgrads):
    """Differences of two tensors: absolute for values up to 1, relative above."""
    own, wgrads = own.detach().double().flatten(), wgrads.double().flatten()
    return (own - wgrads).abs() / wgrads.abs().clamp(min=1)


def tensors(model):
    """What START and END are of, in their order: parameters, and the running estimates of norms."""
    return [*model.parameters(), *(buffer for buffer in model.buffers() if buffer.dim())]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--f32", action="store_true", help="compute in float32")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="default: %(default)s")
    parser.add_argument("--every-step", action="store_true", help="a line for every step")
    args = parser.parse_args()
    dtype = torch.float32 if args.f32 else torch.float64

    model = network().to(dtype)
    with torch.no_grad():
        for tensor, start in zip(tensors(model), START):
            tensor.copy_(start.reshape(tensor.shape))
    losses = train(model, dtype)

    largest = differences(losses, LOSSES)
    each = 1 if args.every_step else math.ceil(len(LOSSES) / 20)
    if each > 1:
        print(f"for every {each} steps, the one whose loss differs most:")
    print(f"{'step':>8}{'rate':>14}{'loss':>16}{'difference':>12}")
    for first in range(0, len(LOSSES), each):
        step = first + int(largest[first : first + each].argmax())
        numbers = f"{rate_of(step):>14.8g}{losses[step].item():>16.8g}{largest[step].item():>12.1e}"
        print(f"{step + 1:>8}{numbers}")
    for name, tensor, end in zip(NAMES, tensors(model), END):
        own = differences(tensor, end)
        note = " (not counted)" if name in NOT_COUNTED else ""
        print(f"{name} differs by at most {own.max().item():.1e}{note}")
        if name not in NOT_COUNTED:
            largest = torch.cat([largest, own])
    largest = largest.max().item()
    print(f"largest difference: {largest:.3e}")
    # Not `>`: NaN is not within the tolerance either.
    if not largest <= args.tolerance:
        return f"that exceeds the tolerance of {args.tolerance}"
    return 0
