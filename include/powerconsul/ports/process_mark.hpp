#pragma once

#include <cstdint>
#include <string>

#include <powerconsul/version.hpp>

namespace powerconsul::inline v0 {

/// Tells a process from all others on this machine, also from a later one with the same number.
struct process_mark {
    std::int64_t pid{};     ///< 0: none
    std::uint64_t began{};  ///< the kernel's own unit of time since it started
    std::string boot{};     ///< the kernel's boot id

    friend auto operator==(const process_mark&, const process_mark&) -> bool = default;
};

}  // namespace powerconsul::inline v0
