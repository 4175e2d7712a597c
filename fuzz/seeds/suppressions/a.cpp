// tplint: allow(wait_in_dll_main) the thread has ended before
void f(HANDLE h)
{
    WaitForSingleObject(h, INFINITE); // tplint: allow(wait_in_dll_main, lock_order_inversion) because
    /* tplint: allow(unused_suppression) */ g("// tplint: allow(x) y");
    // tplint: allow(
    // tplint: alow(wait_in_dll_main) x
    auto s = R"(// tplint: allow(wait_in_dll_main) no comment)";
}
