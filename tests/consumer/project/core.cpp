// One of two units of a program that include the whole library.
#include <powerconsul/powerconsul.hpp>

auto expectation_of_a_primary() -> powerconsul::expectation;

int main() {
    return expectation_of_a_primary() == powerconsul::expectation::running ? 0 : 1;
}
