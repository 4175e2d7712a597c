-- Opens a file, waits for what is shown there, mends it without saving, and undoes that; prints what it sees.
local function say(text) io.stdout:write(text .. "\n") end
local function wait(what, test)
  if not vim.wait(60000, test, 20) then say("no " .. what) vim.cmd("cquit 3") end
end
vim.cmd("edit a.c")
local client = vim.lsp.start_client({
  name = "tplint",
  cmd = { vim.env.TPLINT, "lsp" },
  root_dir = vim.fn.getcwd(),
})
vim.lsp.buf_attach_client(0, client)
wait("finding", function() return #vim.diagnostic.get(0) == 1 end)
local found = vim.diagnostic.get(0)[1]
say("found " .. found.source .. " " .. found.code .. " " .. found.lnum .. ":" .. found.col)

local position = { textDocument = vim.lsp.util.make_text_document_params(), position = { line = found.lnum, character = found.col } }
local hover = vim.lsp.buf_request_sync(0, "textDocument/hover", position, 60000)[client].result
say("hover " .. (hover.contents.value:match("# free_library_then_return") and "page" or "nothing"))

local range = { start = position.position, ["end"] = position.position }
local params = { textDocument = position.textDocument, range = range, context = { diagnostics = {} } }
local actions = vim.lsp.buf_request_sync(0, "textDocument/codeAction", params, 60000)[client].result
say("actions " .. #actions)
vim.lsp.util.apply_workspace_edit(actions[1].edit, "utf-16")
wait("silence", function() return #vim.diagnostic.get(0) == 0 end)
say("line " .. vim.api.nvim_buf_get_lines(0, found.lnum, found.lnum + 1, false)[1])
vim.cmd("undo")
wait("finding after undo", function() return #vim.diagnostic.get(0) == 1 end)
say("again")
vim.lsp.stop_client(client)
wait("end", function() return vim.lsp.client_is_stopped(client) end)
vim.cmd("qall!")
