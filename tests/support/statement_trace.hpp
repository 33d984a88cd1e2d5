// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sqlite3.h>
#include <functional>
#include <string_view>
#include <utility>

namespace tidings::test {

/// Sees every statement, and every row that one gives, of connections that are opened while it
/// lives, on the thread that runs them. One at a time.
class statement_trace {
 public:
    struct call {
        sqlite3* connection;
        std::string_view sql;
        bool is_row;
    };
    explicit statement_trace(std::function<void(const call&)> f) {
        seen() = std::move(f);
        sqlite3_auto_extension(reinterpret_cast<void (*)()>(&follow));
    }
    ~statement_trace() { sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(&follow)); }
    statement_trace(const statement_trace&) = delete;
    statement_trace& operator=(const statement_trace&) = delete;

 private:
    static std::function<void(const call&)>& seen() {
        static std::function<void(const call&)> f;
        return f;
    }
    static int follow(sqlite3* c, const char**, const void*) {
        return sqlite3_trace_v2(c, SQLITE_TRACE_STMT | SQLITE_TRACE_ROW, &tell, nullptr);
    }
    static int tell(unsigned what, void*, void* of, void*) {
        auto* s = static_cast<sqlite3_stmt*>(of);
        const char* sql = sqlite3_sql(s);
        seen()({sqlite3_db_handle(s), sql != nullptr ? sql : "", what == SQLITE_TRACE_ROW});
        return 0;
    }
};

}  // namespace tidings::test
