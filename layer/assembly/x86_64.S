# The extension's launcher: drops every LD_ variable, since the function's LD_PRELOAD would load the
# function's libraries into our process, adds one for the C library's malloc, and becomes the layer's
# interpreter. System V ABI, AMD64.
_start:
	mov	(%rsp), %rax
	lea	16(%rsp,%rax,8), %rdx	# the environment, behind argc, the arguments and a null
	mov	%rdx, %rsi
	mov	%rdx, %rdi
next:	lodsq
	test	%rax, %rax
	jz	done
	mov	(%rax), %ecx
	and	$0xffffff, %ecx
	cmp	$0x5f444c, %ecx		# "LD_"
	je	next
	stosq
	jmp	next
done:	lea	malloc(%rip), %rax
	stosq				# over the null, and the next over what the kernel left behind it
	xor	%eax, %eax
	stosq
	lea	path(%rip), %rdi
	push	$0
	lea	code(%rip), %rax
	push	%rax
	lea	flags(%rip), %rax
	push	%rax
	push	%rdi
	mov	%rsp, %rsi
	mov	$59, %eax		# execve
	syscall
	mov	$127, %edi
	mov	$60, %eax		# exit
	syscall
path:	.asciz	"/opt/faultlayer/bin/python3"
flags:	.asciz	"-ISc"
code:	.asciz	"from faultlayer.main import main; main()"
malloc:	.asciz	"MALLOC_MMAP_THRESHOLD_=1048576"
