#include "units.hpp"

namespace powerconsul::cli {

auto systemd_units::ask(std::string_view unit, milliseconds& left) const -> result<unit_state> {
    return no_unit_source{}.ask(unit, left);
}

}  // namespace powerconsul::cli
