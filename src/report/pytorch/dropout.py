def threefry(key, counter):
    """Two random words: Threefry-2x32-20 (Salmon et al., SC 2011)."""
    low = 0xFFFFFFFF
    keys = [key[0], key[1], 0x1BD11BDA ^ key[0] ^ key[1]]
    x, y = (counter[0] + keys[0]) & low, (counter[1] + keys[1]) & low
    for number in range(20):
        rotation = (13, 15, 26, 6, 17, 29, 16, 24)[number % 8]
        x = (x + y) & low
        y = ((y << rotation | y >> (32 - rotation)) & low) ^ x
        if number % 4 == 3:
            turn = number // 4 + 1
            x = (x + keys[turn % 3]) & low
            y = (y + keys[(turn + 1) % 3] + turn) & low
    return x, y


class Dropout(nn.Module):
    """nn.Dropout(P), but with wgrad's masks, which follow from seed, step, layer, row and unit."""

    step = 0

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, values):
        key = threefry(SEED, (Dropout.step, 5 << 16 | self.layer))
        rows, units = values.shape
        words = [
            [threefry(key, (unit // 2, row))[unit % 2] for unit in range(units)]
            for row in range(rows)
        ]
        kept = torch.tensor(words) >= int(P * 2**32)
        return torch.where(kept, values / (1 - P), torch.zeros_like(values))
