# The extension's launcher: drops every LD_ variable, since the function's LD_PRELOAD would load the
# function's libraries into our process, adds one for the C library's malloc, and becomes the layer's
# interpreter. If AWS_LWA_LAMBDA_RUNTIME_API_PROXY names our port, it listens there before: the Lambda
# Web Adapter, started beside us, asks there before Python could, and ends if nobody listens.
# System V ABI, AMD64.
_start:
	mov	(%rsp), %rax
	lea	16(%rsp,%rax,8), %r12	# the environment, behind argc, the arguments and a null
	mov	%r12, %rsi
	mov	%r12, %rdi
	xor	%ebx, %ebx		# what the adapter is told, if it is
	lea	usual(%rip), %rbp	# our port's digits
next:	lodsq
	test	%rax, %rax
	jz	done
	mov	(%rax), %ecx
	and	$0xffffff, %ecx
	cmp	$0x5f444c, %ecx		# "LD_"
	je	next
	stosq
	lea	adapter(%rip), %r8
	call	value
	cmove	%r9, %rbx
	lea	port(%rip), %r8
	call	value
	cmove	%r9, %rbp
	jmp	next
value:	mov	%rax, %r9		# is the entry at rax of the name at r8? then its value is at r9
1:	mov	(%r8), %cl
	test	%cl, %cl
	jz	2f
	cmp	(%r9), %cl
	jne	2f
	inc	%r8
	inc	%r9
	jmp	1b
2:	ret
done:	lea	malloc(%rip), %rax
	stosq				# over the null, and the next over what the kernel left behind it
	xor	%eax, %eax
	stosq
	test	%rbx, %rbx
	jz	go
	cmpb	$0, (%rbp)		# an empty variable is unset
	jne	1f
	lea	usual(%rip), %rbp
1:	inc	%rbx			# to the end of the value, less a slash
	cmpb	$0, -1(%rbx)
	jne	1b
	dec	%rbx
	cmpb	$0x2f, -1(%rbx)
	jne	2f
	dec	%rbx
2:	mov	%rbp, %rdi		# to the end of the digits
3:	inc	%rdi
	cmpb	$0, (%rdi)
	jne	3b
4:	dec	%rdi			# and both back: the value must end in a colon and these digits
	dec	%rbx
	mov	(%rdi), %al
	cmp	(%rbx), %al
	jne	go
	cmp	%rbp, %rdi
	jne	4b
	cmpb	$0x3a, -1(%rbx)
	jne	go
	xor	%r13d, %r13d
5:	movzbl	(%rbp), %eax
	test	%eax, %eax
	jz	6f
	sub	$0x30, %eax
	cmp	$9, %eax
	ja	go
	imul	$10, %r13d, %r13d
	add	%eax, %r13d
	inc	%rbp
	cmp	$65535, %r13d
	jbe	5b
	jmp	go
6:	rol	$8, %r13w		# network byte order
	mov	$41, %eax		# socket
	mov	$2, %edi		# AF_INET
	mov	$1, %esi		# SOCK_STREAM
	xor	%edx, %edx
	syscall
	test	%eax, %eax
	js	go
	mov	%eax, %ebx
	mov	$54, %eax		# setsockopt
	mov	%ebx, %edi
	mov	$1, %esi		# SOL_SOCKET
	mov	$2, %edx		# SO_REUSEADDR
	push	$1
	mov	%rsp, %r10
	mov	$4, %r8d
	syscall
	mov	$49, %eax		# bind
	mov	%ebx, %edi
	movabs	$0x0100007f00000002, %rcx	# AF_INET, 127.0.0.1
	shl	$16, %r13
	or	%r13, %rcx
	push	$0
	push	%rcx
	mov	%rsp, %rsi
	mov	$16, %edx
	syscall
	test	%eax, %eax
	jnz	close
	mov	$50, %eax		# listen
	mov	%ebx, %edi
	mov	$1024, %esi
	syscall
	test	%eax, %eax
	jz	go
close:	mov	$3, %eax
	mov	%ebx, %edi
	syscall
go:	mov	%r12, %rdx
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
adapter: .asciz	"AWS_LWA_LAMBDA_RUNTIME_API_PROXY="
port:	.asciz	"FAULTLAYER_PORT="
usual:	.asciz	"9747"
