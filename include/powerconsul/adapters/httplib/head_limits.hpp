#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <powerconsul/version.hpp>

// Limits on what an answer may send before its body. Internal: use adapters/httplib/transport.hpp.
//
// This file can go once every supported version of cpp-httplib bounds headers and lines itself, and low enough. It
// bounds the number of headers since 0.22 and the length of a line since 0.20.1, but at 32 KiB, and matches the status
// line with libstdc++'s std::regex, which takes stack for every byte. Measured with g++ 12 and a stack of 8 MiB: 32 000
// bytes crash an unoptimized program that uses 0.53.1; 100 000 bytes crash any program that uses 0.19.

namespace powerconsul::inline v0::detail {

/// Looks at the bytes of one answer as they come in.
class head_limits {
public:
    static constexpr std::uint64_t header_limit = 1024 * 1024;  ///< bytes of status line and headers together
    static constexpr std::size_t line_limit = 8192;  ///< bytes of one such line; cpp-httplib's own limit for a header

    bool answered{};           ///< status and headers are complete, and no limit applies any more
    bool flooded{};            ///< refused for more bytes than header_limit
    bool overlong{};           ///< refused for a line of more bytes than line_limit
    bool speaks_http{};        ///< the first bytes received begin as an HTTP/1 answer does
    std::uint64_t received{};  ///< bytes, including the body's

    /// Whether more may be read. `bytes` is what a read from the connection has brought last.
    [[nodiscard]] auto takes_more() -> bool {
        flooded = !answered && received > header_limit;
        return !flooded;
    }
    void has_received(std::string_view bytes) {
        if (received == 0) speaks_http = bytes.starts_with("HTTP/1.");
        received += bytes.size();
    }
    /// Whether cpp-httplib may be given these bytes, which are the next ones that it reads.
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
