#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <powerconsul/version.hpp>

// How much an answer may send before its body. No interface: use adapters/httplib/transport.hpp.
//
// This may go when every version of cpp-httplib that is supported bounds both by itself, and low enough. It bounds the
// number of headers since 0.22 and the length of a line since 0.20.1, but at 32 KiB, and matches the status line with a
// regular expression of libstdc++, which takes stack for every byte. Measured with g++ 12 and a stack of 8 MiB: 32 000
// bytes end a program over 0.53.1 that is not optimized; 100 000 bytes end any program over 0.19.

namespace powerconsul::inline v0::detail {

/// Looks at the bytes of one answer as they come in.
class head_limits {
public:
    static constexpr std::uint64_t header_limit = 1024 * 1024;  ///< bytes of status line and headers together
    static constexpr std::size_t line_limit = 8192;             ///< bytes of one of them; cpp-httplib's for a header

    bool answered{};           ///< the status and the headers are there: there is no limit any more
    bool flooded{};            ///< ended by headers of more than header_limit
    bool overlong{};           ///< ended by a line of more than line_limit
    bool speaks_http{};        ///< what was received first begins as an answer does
    std::uint64_t received{};  ///< bytes, the body's too

    /// Whether more may be read. `bytes` is what a read from the connection has brought last.
    [[nodiscard]] auto takes_more() -> bool {
        flooded = !answered && received > header_limit;
        return !flooded;
    }
    void has_received(std::string_view bytes) {
        if (received == 0) speaks_http = bytes.starts_with("HTTP/1.");
        received += bytes.size();
    }
    /// Whether these bytes, which cpp-httplib takes next, may be given to it.
    [[nodiscard]] auto fits(std::string_view bytes) -> bool {
        for (const char c : answered ? std::string_view{} : bytes) {
            line_ = c == '\n' ? 0 : line_ + 1;
            if (line_ > line_limit) overlong = true;
        }
        return !overlong;
    }

private:
    std::size_t line_{};  ///< bytes of the line that is being read
};

}  // namespace powerconsul::inline v0::detail
