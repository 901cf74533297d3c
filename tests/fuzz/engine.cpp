#include <cstddef>
#include <cstdint>

#include "fuzz.hpp"

/// What libFuzzer calls. One target is linked to it.
extern "C" auto LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) -> int {
    fuzz::one_in = 4096;
    fuzz::targets().front().run({reinterpret_cast<const char*>(data), size});
    return 0;
}
