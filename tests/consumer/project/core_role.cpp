// The other unit: the same headers, so that whatever is defined twice does not link.
#include <powerconsul/powerconsul.hpp>

auto expectation_of_a_primary() -> powerconsul::expectation {
    return powerconsul::rule(powerconsul::role::primary, {}).expects;
}
