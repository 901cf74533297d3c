#pragma once

#include <cstdint>
#include <string>

#include <powerconsul/version.hpp>

namespace powerconsul::inline v0 {

/// Identifies a process on this machine; a later process with the same pid has another mark.
struct process_mark {
    std::int64_t pid{};     ///< 0 if there is no process
    std::uint64_t began{};  ///< when the process started, in the kernel's own unit of time since boot
    std::string boot{};     ///< the kernel's boot id

    friend auto operator==(const process_mark&, const process_mark&) -> bool = default;
};

}  // namespace powerconsul::inline v0
