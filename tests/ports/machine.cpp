#include <powerconsul/ports/machine.hpp>

#include <doctest/doctest.h>

#include "../doctor/made_up_machine.hpp"

using namespace powerconsul;

namespace {

/// The kernel need not know: that is not the same as "no".
struct always_sure_of_its_clock : made_up_machine {
    [[nodiscard]] auto clock_is_synchronized() const -> bool { return true; }
};

struct without_room : made_up_machine {
    [[nodiscard]] auto room(const std::string&) const -> std::size_t { return 1; }
};

static_assert(local_machine<const made_up_machine>);
static_assert(!local_machine<always_sure_of_its_clock>);
static_assert(!local_machine<without_room>);
static_assert(!local_machine<int>);

}  // namespace

TEST_CASE("nothing is known of a file system before somebody asked") {
    CHECK_FALSE(free_room{}.bytes.has_value());
    CHECK_FALSE(free_room{}.files.has_value());
}
