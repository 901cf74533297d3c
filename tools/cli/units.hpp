#pragma once

#include <string_view>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/probes/service/systemd.hpp>

namespace powerconsul::cli {

/// systemd over its bus where the build has it, else nothing. Models `unit_source`.
struct systemd_units {
    [[nodiscard]] auto ask(std::string_view unit, milliseconds& left) const -> result<unit_state>;
};

static_assert(unit_source<systemd_units>);

}  // namespace powerconsul::cli
