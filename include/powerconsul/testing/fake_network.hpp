#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/dialer.hpp>
#include <powerconsul/ports/web_client.hpp>

namespace powerconsul::inline v0::testing {

/// A network of scripted ports and pages. Anything that is not scripted fails with errc::failed, which names it. Models
/// `dialer` and `web_client`.
class fake_network {
public:
    auto on(const std::string& host, std::uint16_t port, result<dialed> answer) -> fake_network& {
        ports_.insert_or_assign(host + ':' + std::to_string(port), std::move(answer));
        return *this;
    }
    /// `url` as in `http://web1:80/status`.
    auto on(const std::string& url, result<int> status) -> fake_network& {
        pages_.insert_or_assign(url, std::move(status));
        return *this;
    }

    [[nodiscard]] auto dial(const std::string& host, std::uint16_t port, milliseconds) const -> result<dialed> {
        return find(ports_, host + ':' + std::to_string(port));
    }
    [[nodiscard]] auto get(const std::string& origin, const std::string& target, milliseconds) const -> result<int> {
        return find(pages_, origin + target);
    }

private:
    template <typename T>
    [[nodiscard]] static auto find(const std::map<std::string, result<T>>& among, const std::string& name)
        -> result<T> {
        const auto found = among.find(name);
        if (found != among.end()) return found->second;
        return fail(errc::failed, "no answer is scripted for " + quoted(name));
    }

    std::map<std::string, result<dialed>> ports_{};
    std::map<std::string, result<int>> pages_{};
};

static_assert(dialer<fake_network> && web_client<fake_network>);

}  // namespace powerconsul::inline v0::testing
