#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/transport.hpp>

namespace powerconsul::inline v0::testing {

/// A transport that answers by a script and records what it was asked. Several answers for one method and target are
/// given in order and the last one is repeated; a request without any fails with errc::failed, which names what is
/// scripted. Models `http_transport`. The target is compared as it is, query included; the body and the timeout are not
/// compared.
class fake_transport {
public:
    auto on(http_method method, std::string target, result<http_response> answer) -> fake_transport& {
        for (auto& each : script_) {
            if (each.method == method && each.target == target) {
                each.answers.push_back(std::move(answer));
                return *this;
            }
        }
        script_.push_back({method, std::move(target), {std::move(answer)}, 0});
        return *this;
    }
    auto on(http_method method, std::string target, int status, std::string body) -> fake_transport& {
        return on(method, std::move(target), http_response{status, std::move(body), {}});
    }

    [[nodiscard]] auto perform(const http_request& request) -> result<http_response> {
        requests_.push_back(request);
        std::vector<std::string> known;
        for (auto& each : script_) {
            if (each.method == request.method && each.target == request.target) {
                const std::size_t at = each.given;
                if (each.given + 1 < each.answers.size()) ++each.given;
                return each.answers[at];
            }
            known.push_back(line(each.method, each.target));
        }
        return fail(errc::failed, "no answer is scripted for " + line(request.method, request.target) +
                                      "; there is one for " + (known.empty() ? "nothing" : listed(known)));
    }

    [[nodiscard]] auto requests() const -> const std::vector<http_request>& { return requests_; }

private:
    struct entry {
        http_method method{http_method::get};
        std::string target{};
        std::vector<result<http_response>> answers{};
        std::size_t given{};
    };

    static auto line(http_method method, std::string_view target) -> std::string {
        return std::string{to_string(method)} + ' ' + one_line(target, 200);
    }

    std::vector<entry> script_{};
    std::vector<http_request> requests_{};
};

}  // namespace powerconsul::inline v0::testing
