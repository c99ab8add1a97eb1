ALIGN: int
VISITS: int
MOST_TRIES: int

def lower_bound(sizes: list[int], first: list[int], last: list[int]) -> int: ...
def plan_offsets(
    sizes: list[int], first: list[int], last: list[int], share: bool = True
) -> tuple[list[int], int, str]: ...
def plan_chunks(
    sizes: list[int], first: list[int], last: list[int], capacity: int, share: bool = True
) -> tuple[list[int], list[int], list[int], str]: ...
