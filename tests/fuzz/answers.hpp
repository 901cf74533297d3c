#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/core/base64.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/json/writer.hpp>
#include <powerconsul/ports/transport.hpp>
#include <powerconsul/store/requests.hpp>
#include <powerconsul/testing/fakes.hpp>

#include "fuzz.hpp"

namespace fuzz {

namespace pc = powerconsul;

/// A Consul that answers each request with the next part of an input, whatever was asked:
///
///     200
///     X-Consul-Index: 7
///
///     body
///
/// A first line that is no number is an error of the transport; `Takes: 800` lets that many milliseconds go by. A body
/// that begins with `kv ` is the value of the key that was asked for, as Consul would answer it, ModifyIndex 7 unless
/// `Modify: 9` says another. After the last part nobody answers.
class answers {
public:
    struct exchange {
        pc::http_request request{};
        std::optional<pc::http_response> response{};
    };

    answers(parts script, pc::testing::manual_clock& time) : script_{script}, time_{time} {}

    [[nodiscard]] auto perform(const pc::http_request& request) -> pc::result<pc::http_response> {
        expect(request.timeout.count > 0, "a request without time", request.target);
        all_.push_back({request, {}});
        std::string_view text = script_.next();
        const auto line = [&] {
            const std::string_view one = text.substr(0, text.find('\n'));
            text.remove_prefix(one.size() < text.size() ? one.size() + 1 : one.size());
            return one;
        };
        const std::string_view first = line();
        const auto status = pc::whole_number(first, 999);
        pc::http_response made;
        std::string_view modified = "7";
        while (!text.empty()) {
            const std::string_view header = line();
            if (header.empty()) break;
            const auto colon = header.find(": ");
            if (colon == std::string_view::npos) continue;
            const std::string_view name = header.substr(0, colon);
            const std::string_view value = header.substr(colon + 2);
            if (name == "Takes") {
                const auto takes = pc::whole_number(value, 100'000);
                const pc::milliseconds spent{static_cast<std::int64_t>(takes.value_or(0))};
                time_.advance(pc::shorter(spent, request.timeout));
                if (spent >= request.timeout) return pc::fail(pc::errc::timed_out, "no answer in time");
            } else if (name == "Modify") {
                modified = value;
            } else {
                made.headers.push_back({std::string{name}, std::string{value}});
            }
        }
        if (!status) {
            return pc::fail(first == "timed_out"  ? pc::errc::timed_out
                            : first == "bad_data" ? pc::errc::bad_data
                                                  : pc::errc::unavailable,
                            "the transport has no answer");
        }
        made.status = static_cast<int>(*status);
        made.body = text.starts_with("kv ") ? entry(request.target, text.substr(3), modified) : std::string{text};
        all_.back().response = made;
        return made;
    }

    /// All that was asked, in its order.
    [[nodiscard]] auto all() const -> const std::vector<exchange>& { return all_; }

private:
    [[nodiscard]] static auto entry(std::string_view target, std::string_view value, std::string_view modified)
        -> std::string {
        constexpr std::string_view before = "/v1/kv/";
        const std::string_view path = target.substr(0, target.find('?'));
        const auto key = pc::percent_decoded(path.starts_with(before) ? path.substr(before.size()) : path);
        pc::json::writer text;
        text.string(key.value_or("?"));
        return "[{\"Key\":" + text.text() + ",\"ModifyIndex\":" + std::string{modified} + ",\"Value\":\"" +
               pc::base64_encoded(value) + "\"}]";
    }

    parts script_;
    pc::testing::manual_clock& time_;
    std::vector<exchange> all_{};
};

}  // namespace fuzz
