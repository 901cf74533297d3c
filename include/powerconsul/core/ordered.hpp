#pragma once

#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace powerconsul::inline v0 {

/// A text, which is another's, and its place among those that it came with.
struct placed_text {
    std::string_view text{};
    std::size_t place{};

    friend bool operator==(const placed_text&, const placed_text&) = default;
};

/// In the order of their bytes, equal ones in that of their places. By the C library: including <set> or <algorithm>
/// would cost more than all of this.
[[nodiscard]] inline auto ordered(std::vector<placed_text> all) -> std::vector<placed_text> {
    const auto compare = [](const void* left, const void* right) -> int {
        const auto& a = *static_cast<const placed_text*>(left);
        const auto& b = *static_cast<const placed_text*>(right);
        const int texts = a.text.compare(b.text);
        return texts != 0 ? texts : static_cast<int>(a.place > b.place) - static_cast<int>(a.place < b.place);
    };
    if (!all.empty()) std::qsort(all.data(), all.size(), sizeof(placed_text), compare);
    return all;
}

/// The index of the first that does not come before `wanted`, in what is ordered; its size if all do.
[[nodiscard]] inline auto first_not_before(const std::vector<placed_text>& all, std::string_view wanted)
    -> std::size_t {
    std::size_t begin = 0;
    std::size_t end = all.size();
    while (begin < end) {
        const std::size_t middle = begin + (end - begin) / 2;
        if (all[middle].text < wanted) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin;
}

}  // namespace powerconsul::inline v0
