#include <powerconsul/adapters/systemd_bus.hpp>

#include "units.hpp"

namespace powerconsul::cli {

auto systemd_units::ask(std::string_view unit, milliseconds& left) const -> result<unit_state> {
    return systemd_bus{}.ask(unit, left);
}

}  // namespace powerconsul::cli
